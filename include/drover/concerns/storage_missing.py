"""A storage pool that a disk is mapped to is not there, or not active, at the target."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "storage.missing"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    there = {pool.name: pool for pool in p.target_pools}
    wanted = {p.wave.mappings.storage[disk.pool] for disk in p.disks if disk.pool in p.wave.mappings.storage}
    for name in sorted(wanted):
        pool = there.get(name)
        if pool is None:
            have = ", ".join(sorted(f"'{known}'" for known in there)) or "none"
            yield critical(
                ID,
                "Storage missing at the target",
                found=f"{p.target_host.name} has no storage pool '{name}', which mappings.storage names.",
                why=f"The disks of machine '{p.plan.name}' would have no place.",
                do=f"Make it there, or map to one that is there: {have}.",
            )
        elif not pool.active:
            yield critical(
                ID,
                "Storage not active at the target",
                found=f"The storage pool '{name}' on {p.target_host.name} is not active.",
                why="No disk can be made in it.",
                do="Start it, and have it start by itself.",
            )
