"""What a live move without a comparison at the switch-over cannot prove."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "strategy.live_unproven"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.plan.strategy is Strategy.LIVE and not p.plan.compare_at_switchover:
        yield information(
            ID,
            "Live move without block comparison",
            found=f"Machine '{p.plan.name}' moves while it writes, and its disks are not compared block by block.",
            why="What is proven instead: the files that nothing should have changed, the machine's settings and its "
            "application checks.",
            do="Set compare_at_switchover to true for a comparison of all blocks, at the price of a pause.",
        )
