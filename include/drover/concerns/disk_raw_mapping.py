"""A disk that is a LUN or a physical disk, and no file that could be copied with the machine."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.raw_mapping"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    for disk in p.disks:
        if disk.raw_mapping:
            yield critical(
                ID,
                "Raw device mapping",
                found=f"Disk {disk.name} of '{p.plan.name}' stands for a LUN or a physical disk.",
                why="What lies behind it is often shared by several machines, and belongs to the storage, not to this "
                "one; it may not even be reachable from where the disks are copied.",
                do="Turn it into an ordinary disk at the source, or move the LUN with the storage and detach it here.",
            )
