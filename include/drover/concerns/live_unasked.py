"""The platform has no check of its own for live moves, so nobody knows before the move what it would say."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.hypervisors.port import Weight
from drover.model import Concern

ID = "live.unasked"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    for one in (one for one in p.live_obstacles if one.weight is Weight.UNASKED):
        yield warning(
            ID,
            "Live move that the platform cannot check",
            found=f"Machine '{p.plan.name}' is to move live to {p.target_host.name}, and {one.message}",
            why="What stands against the move shows only when it begins; then nothing has moved, and it is taken back.",
            do=one.remedy or "Choose the strategy 'cold' where that may not be.",
        )
