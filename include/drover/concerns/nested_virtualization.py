"""The guest runs machines of its own."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "cpu.nested"
WAIVABLE = False
KINDS = frozenset({"nested-virtualization"})


def check(p: Preflight) -> Iterator[Concern]:
    """A live move keeps them."""
    if p.devices(KINDS) and p.plan.strategy is not Strategy.LIVE:
        yield warning(
            ID,
            "Nested virtualization",
            found=f"Machine '{p.plan.name}' has the processor's virtualization extensions.",
            why="The moved machine does not get them, so machines inside it would not start.",
            do="Turn it on at the target after the move, where the guest needs it.",
        )
