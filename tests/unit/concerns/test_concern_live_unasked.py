import dataclasses

from factory import WARNING, ask, categories, preflight

from drover.concerns import live_refused
from drover.concerns import live_unasked as concern
from drover.hypervisors.port import LiveObstacle, Weight

SILENT = LiveObstacle("CheckRelocate", "vc-a does not offer the check (CheckRelocate).", weight=Weight.UNASKED)


def test_a_platform_that_was_asked_is_no_concern():
    assert categories(concern, preflight(live=True)) == []
    for other in (Weight.REFUSES, Weight.WARNS):
        against = dataclasses.replace(SILENT, weight=other)
        assert categories(concern, dataclasses.replace(preflight(live=True), live_obstacles=(against,))) == []


def test_one_without_a_check_is_told_and_does_not_block():
    p = dataclasses.replace(preflight(live=True), live_obstacles=(SILENT,))
    (found,) = ask(concern, p)
    assert found.category is WARNING
    assert found.assessment == (
        "Machine 'web' is to move live to kvm-b, and vc-a does not offer the check (CheckRelocate). What stands "
        "against the move shows only when it begins; then nothing has moved, and it is taken back. "
        "Choose the strategy 'cold' where that may not be."
    )
    assert categories(live_refused, p) == []
