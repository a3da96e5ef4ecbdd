"""A disk that forgets what was written."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.nonpersistent"
WAIVABLE = True
KINDS = frozenset({"disk-nonpersistent"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS) if not p.keeps_definition else ():
        yield critical(
            ID,
            "Disk that forgets",
            found=f"A disk of machine '{p.plan.name}' forgets what is written to it when the machine is switched "
            f"off ({device}).",
            why="At the target it would remember.",
            do="Make the disk persistent at the source, or waive this if it may remember from then on.",
        )
