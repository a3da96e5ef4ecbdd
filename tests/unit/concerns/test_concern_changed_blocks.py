import pytest
from factory import INFORMATION, categories, machine, preflight

from drover.concerns import changed_blocks as concern


@pytest.mark.parametrize("tracked", [True, None])
def test_tracking_that_is_on_or_that_the_platform_has_not_is_no_concern(tracked):
    assert categories(concern, preflight(machine(changed_blocks=tracked))) == []


def test_tracking_that_is_off_is_told():
    seen = preflight(machine(changed_blocks=False))
    assert categories(concern, seen) == [INFORMATION]
    assert "Drover leaves the tracking as it is" in next(iter(concern.check(seen))).assessment


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
