"""Left-over snapshot files still hold a part of the machine's disks."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.consolidation"
WAIVABLE = True


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.consolidation_needed:
        yield critical(
            ID,
            "Disks need consolidation",
            found=f"The disks of machine '{p.plan.name}' need to be consolidated.",
            why="A snapshot was deleted and its files are still in use; taking the next one often fails, half-way.",
            do="Consolidate the disks at the source (Snapshots, Consolidate).",
        )
