from factory import CRITICAL, UUID, ask, categories, is_unknown, machine, owned, preflight

from drover.concerns import uuid_taken as concern


def test_another_uuid_is_no_concern():
    assert categories(concern, preflight(target_machines=(machine(name="other", uuid="x"),))) == []


def test_the_same_uuid_under_another_name_blocks_however_it_is_written():
    p = preflight(target_machines=(machine(name="copy", uuid=UUID.upper()),))
    assert categories(concern, p) == [CRITICAL]


def test_our_own_try_has_the_same_uuid_and_is_no_concern():
    assert categories(concern, preflight(target_machines=(machine(ownership=owned()),))) == []


def test_a_machine_without_a_uuid_blocks():
    assert is_unknown(ask(concern, preflight(machine(uuid=""))))
