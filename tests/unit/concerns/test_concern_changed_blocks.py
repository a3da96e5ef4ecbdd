import pytest
from factory import INFORMATION, categories, machine, preflight

from drover.concerns import changed_blocks as concern
from drover.model import PowerState


@pytest.mark.parametrize("tracked", [True, None])
def test_tracking_that_is_on_or_that_the_platform_has_not_is_no_concern(tracked):
    assert categories(concern, preflight(machine(changed_blocks=tracked))) == []


def test_tracking_that_is_off_is_told():
    seen = preflight(machine(changed_blocks=False))
    assert categories(concern, seen) == [INFORMATION]
    assert next(iter(concern.check(seen))).assessment == (
        "The hypervisor keeps no track of the changed blocks of machine 'web'. Without it, each copy of its disks "
        "reads all of them. Drover switches the tracking on before it freezes the machine for its backup, and leaves "
        "it on. Nothing is needed; switch it off after the wave where nobody wants it."
    )


@pytest.mark.parametrize("changes", [{"state": PowerState.OFF}, {"snapshots": ("before",)}])
def test_a_machine_for_which_nothing_would_come_of_it_is_left_alone(changes):
    (found,) = concern.check(preflight(machine(changed_blocks=False, **changes)))
    assert "Drover leaves the tracking as it is, for it would begin only while" in found.assessment


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
