from factory import WARNING, categories, machine, preflight

from drover.concerns import device_other
from drover.concerns import memory_dynamic as concern


def of_hyperv():
    return machine(hypervisor="hyperv", devices=("dynamic-memory",))


def test_fixed_memory_is_no_concern():
    assert categories(concern, preflight()) == []


def test_it_is_lost_at_another_kind_and_kept_by_its_own():
    p = preflight(of_hyperv())
    assert categories(concern, p) == [WARNING]
    assert list(device_other.check(p)) == []
    same = preflight(machine(devices=("dynamic-memory",)))
    assert categories(concern, same) == []


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
