"""The machine has snapshots."""

from collections.abc import Iterator

from drover.concerns.finding import critical, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "machine.snapshots"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or not p.source.snapshots:
        return
    found = f"Machine '{p.plan.name}' has the snapshots {', '.join(p.source.snapshots)}."
    if p.plan.strategy is Strategy.LIVE:
        yield critical(
            ID,
            "Snapshots forbid a live move",
            found=found,
            why="The hypervisor refuses to move a running machine that has any.",
            do="Delete them, or choose the strategy 'cold'.",
        )
    else:
        yield warning(
            ID,
            "Snapshots stay behind",
            found=found,
            why="Only the machine's present state is moved; the snapshots stay at the source.",
            do="Delete those that nobody needs; nothing else is needed.",
        )
