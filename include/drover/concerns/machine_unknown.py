"""The source hypervisor has no machine of this name."""

from collections.abc import Iterator
from difflib import get_close_matches

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.unknown"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None:
        return
    known = sorted(machine.name for machine in p.source_facts.machines)
    close = get_close_matches(p.plan.name, known, n=1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    yield critical(
        ID,
        "Machine not found at the source",
        found=f"{p.source_host.name} has no machine '{p.plan.name}'.",
        why="There is nothing to move.",
        do=f"{hint}Correct the name or the source in the wave file.",
    )
