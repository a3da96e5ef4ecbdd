"""A storage pool of the machine has no counterpart in the wave's mappings."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "storage.unmapped"
WAIVABLE = False

_LABEL = "Storage not mapped"


def check(p: Preflight) -> Iterator[Concern]:
    for disk in p.disks:
        if not disk.pool:
            yield unknown(
                ID,
                _LABEL,
                what=f"in which storage pool disk {disk.name} of '{p.plan.name}' lies ({disk.path})",
                do="Make a pool over its folder at the source.",
            )
    for name in sorted({disk.pool for disk in p.disks if disk.pool}):
        if name not in p.mappings.storage:
            have = ", ".join(sorted(f"'{pool.name}'" for pool in p.target_pools)) or "none"
            yield critical(
                ID,
                _LABEL,
                found=f"The storage pool '{name}' of machine '{p.plan.name}' is not mapped.",
                why="Drover does not guess where a disk is to lie.",
                do=f"Add it to mappings.storage; {p.target_host.name} has {have}.",
            )
