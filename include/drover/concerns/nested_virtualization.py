"""The guest runs machines of its own."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "cpu.nested"
WAIVABLE = False
KINDS = frozenset({"nested-virtualization"})


def check(p: Preflight) -> Iterator[Concern]:
    if p.devices(KINDS):
        yield warning(
            ID,
            "Nested virtualization",
            found=f"Machine '{p.plan.name}' has the processor's virtualization extensions.",
            why="The moved machine does not get them, so machines inside it would not start.",
            do="Turn it on at the target after the move, where the guest needs it.",
        )
