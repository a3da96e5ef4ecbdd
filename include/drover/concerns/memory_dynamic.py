"""The host gives the machine more or less memory while it runs."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "memory.dynamic"
WAIVABLE = False
KINDS = frozenset({"dynamic-memory"})


def check(p: Preflight) -> Iterator[Concern]:
    """Between two hosts of one kind it is kept."""
    if p.devices(KINDS) and p.to_another_kind:
        yield warning(
            ID,
            "Dynamic memory",
            found=f"Machine '{p.plan.name}' has dynamic memory.",
            why="At the target it has what it starts with at the source, all the time; it may have grown since.",
            do="Raise its startup memory to what it needs before the move, or give it more at the target.",
        )
