import pytest
from factory import CRITICAL, INFORMATION, ask, categories, machine, nic, owned, preflight, together

from drover.concerns import address_clash as concern
from drover.model import PowerState


def other(address="192.0.2.1", **changes):
    return machine(name="other", nics=(nic(mac="52:54:00:00:00:99", address=address, **changes),))


def test_a_free_address_is_no_concern():
    assert categories(concern, preflight(target_machines=(other("192.0.2.2"),))) == []
    assert categories(concern, together(preflight(), other("192.0.2.2"))) == []


def test_an_address_that_a_machine_at_the_target_has_blocks_and_says_whose_it_is():
    (found,) = ask(concern, preflight(target_machines=(other(),)))
    assert found.category is CRITICAL
    assert "machine 'other' there" in found.assessment


def test_an_address_that_another_machine_of_the_wave_brings_blocks():
    (found,) = ask(concern, together(preflight(), other()))
    assert found.category is CRITICAL
    assert "machine 'other' of this wave" in found.assessment


def test_one_address_written_in_two_ways_is_one():
    mine = machine(nics=(nic(address="2001:db8::1"),))
    assert categories(concern, preflight(mine, target_machines=(other("2001:0DB8:0:0::1"),))) == [CRITICAL]


def test_each_address_of_an_adapter_counts():
    mine = machine(nics=(nic(address="2001:db8::1", more_addresses=("192.0.2.1",)),))
    assert categories(concern, preflight(mine, target_machines=(other(),))) == [CRITICAL]
    assert categories(concern, preflight(target_machines=(other("10.0.0.1", more_addresses=("192.0.2.1",)),))) == [
        CRITICAL
    ]


def test_another_network_may_have_it_and_so_may_our_own_try():
    assert categories(concern, preflight(target_machines=(other(network="isolated"),))) == []
    assert categories(concern, preflight(target_machines=(machine(ownership=owned()),))) == []


@pytest.mark.parametrize("address", [None, "", "fe80::1%eth0", "169.254.1.1", "not an address"])
def test_an_address_that_nobody_knows_is_told(address):
    mine = machine(nics=(nic(address=address),))
    assert categories(concern, preflight(mine, target_machines=(other("169.254.1.1"),))) == [INFORMATION] * 2


def test_that_a_guest_is_off_does_not_make_its_address_known():
    mine = machine(state=PowerState.OFF, nics=(nic(address=None),))
    assert categories(concern, preflight(mine)) == [INFORMATION]


def test_one_of_two_adapters_that_is_not_known_is_named():
    mine = machine(nics=(nic(), nic(mac="52:54:00:00:00:02", address=None)))
    (found,) = ask(concern, preflight(mine))
    assert found.category is INFORMATION
    assert "at the adapter 52:54:00:00:00:02." in found.assessment


def test_machines_at_the_target_that_do_not_tell_theirs_are_named():
    silent = [machine(name=f"silent {number}", nics=(nic(address=None),)) for number in range(7)]
    off = machine(name="off", state=PowerState.OFF, nics=(nic(address=None),))
    elsewhere = machine(name="elsewhere", nics=(nic(address=None, network="isolated"),))
    (found,) = ask(concern, preflight(target_machines=(*silent, off, elsewhere)))
    assert found.category is INFORMATION
    assert "comes to: silent 0, silent 1, silent 2, silent 3, silent 4 and 2 more." in found.assessment


def test_a_machine_without_adapters_has_none_to_tell():
    assert categories(concern, preflight(machine(nics=()))) == []
    assert categories(concern, preflight(None)) == []
