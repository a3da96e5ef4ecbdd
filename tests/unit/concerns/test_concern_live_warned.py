import dataclasses

from factory import WARNING, ask, categories, preflight

from drover.concerns import live_refused, live_unasked
from drover.concerns import live_warned as concern
from drover.hypervisors.port import LiveObstacle, Weight

SILENT = LiveObstacle("NoGuestHeartbeat", "vc-a says no heartbeat comes from the guest.", weight=Weight.WARNS)


def test_what_blocks_and_what_was_not_asked_are_other_concerns():
    assert categories(concern, preflight(live=True)) == []
    for other in (Weight.REFUSES, Weight.UNASKED):
        told = dataclasses.replace(SILENT, weight=other)
        assert categories(concern, dataclasses.replace(preflight(live=True), live_obstacles=(told,))) == []


def test_what_the_platform_warns_of_is_told_and_does_not_block():
    p = dataclasses.replace(preflight(live=True), live_obstacles=(SILENT,))
    (found,) = ask(concern, p)
    assert found.category is WARNING
    assert found.assessment == (
        "Machine 'web' can move live to kvm-b, with a warning (NoGuestHeartbeat): vc-a says no heartbeat comes from "
        "the guest. The platform begins the move all the same; nobody but you can tell whether that matters here. "
        "Look into it before the wave, or choose the strategy 'cold'."
    )
    assert categories(live_refused, p) == categories(live_unasked, p) == []
