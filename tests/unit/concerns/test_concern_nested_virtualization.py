import pytest
from factory import WARNING, categories, machine, preflight

from drover.concerns import device_other
from drover.concerns import nested_virtualization as concern


def test_a_machine_without_it_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(machine(devices=("vsock",)))) == []


@pytest.mark.parametrize("kind", sorted(concern.KINDS))
def test_it_is_found_and_no_other_concern_takes_it_for_unknown(kind):
    p = preflight(machine(devices=("vsock", f"{kind} of a name")))
    assert categories(concern, p) == [WARNING]
    assert [one.assessment.count(kind) for one in device_other.check(p)] == [0]


def test_a_live_move_keeps_it():
    assert categories(concern, preflight(machine(devices=("nested-virtualization",)), live=True)) == []


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
