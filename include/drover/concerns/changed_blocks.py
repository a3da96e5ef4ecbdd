"""vSphere does not keep track of the machine's changed blocks."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.changed_blocks"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.changed_blocks is False:
        yield information(
            ID,
            "Changed block tracking is off",
            found=f"The hypervisor keeps no track of the changed blocks of machine '{p.plan.name}'.",
            why="Each copy of its disks reads all of them.",
            do="Nothing is needed; Drover leaves the tracking as it is.",
        )
