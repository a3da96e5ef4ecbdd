"""The platform's own check says that the machine cannot move while it runs."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "live.refused"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    for one in (one for one in p.live_obstacles if one.blocks):
        yield critical(
            ID,
            "Live move refused by the platform",
            found=f"Machine '{p.plan.name}' cannot move live to {p.target_host.name} ({one.id}): {one.message}",
            why="The platform would end the move in the same way, after the wave has begun.",
            do=one.remedy or "See what the platform says of it, or choose the strategy 'cold'.",
        )
