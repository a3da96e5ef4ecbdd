from factory import CRITICAL, categories, machine, preflight

from drover.concerns import machine_fault_tolerant as concern


def test_a_machine_on_its_own_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_a_machine_with_a_twin_blocks():
    assert categories(concern, preflight(machine(fault_tolerant=True))) == [CRITICAL]
