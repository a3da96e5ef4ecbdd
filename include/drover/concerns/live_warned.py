"""The platform's own check lets the machine move while it runs, and warns of something."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.hypervisors.port import Weight
from drover.model import Concern

ID = "live.warned"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    for one in (one for one in p.live_obstacles if one.weight is Weight.WARNS):
        yield warning(
            ID,
            "Live move with a warning of the platform",
            found=f"Machine '{p.plan.name}' can move live to {p.target_host.name}, with a warning ({one.id}): "
            f"{one.message}",
            why="The platform begins the move all the same; nobody but you can tell whether that matters here.",
            do=one.remedy or "Look into it before the wave, or choose the strategy 'cold'.",
        )
