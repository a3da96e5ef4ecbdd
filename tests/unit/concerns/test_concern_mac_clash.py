from factory import CRITICAL, ask, categories, is_unknown, machine, nic, owned, preflight, together

from drover.concerns import mac_clash as concern


def test_a_free_address_is_no_concern():
    other = machine(name="other", nics=(nic(mac="52:54:00:00:00:99"),))
    assert categories(concern, preflight(target_machines=(other,))) == []


def test_a_taken_address_blocks_and_says_who_has_it():
    other = machine(name="other", nics=(nic(mac="52:54:00:00:00:01".upper()),))
    found = ask(concern, preflight(target_machines=(other,)))
    assert [each.category for each in found] == [CRITICAL]
    assert "'other'" in found[0].assessment


def test_our_own_try_has_the_same_address_and_is_no_concern():
    assert categories(concern, preflight(target_machines=(machine(ownership=owned()),))) == []


def test_two_machines_of_the_wave_that_share_one_block():
    twin = machine(name="other")
    found = ask(concern, together(preflight(), twin))
    assert [each.category for each in found] == [CRITICAL]
    assert "'other' of this wave" in found[0].assessment
    assert categories(concern, together(preflight(), machine(name="other", nics=(nic(mac="aa:00:00:00:00:01"),)))) == []


def test_an_adapter_without_an_address_blocks():
    assert is_unknown(ask(concern, preflight(machine(nics=(nic(mac=""),)))))
