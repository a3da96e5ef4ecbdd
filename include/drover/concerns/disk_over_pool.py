"""A disk is larger than the whole pool that it goes to: once its guest has filled it, there is no room for it there."""

from collections.abc import Iterator

from drover.concerns.finding import critical, size, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "storage.disk_over_pool"
WAIVABLE = True

_LABEL = "Disk larger than its target pool"


def check(p: Preflight) -> Iterator[Concern]:
    pools = {pool.name: pool for pool in p.target_pools if pool.active}
    for disk in p.disks:
        pool = pools.get(p.mappings.storage.get(disk.pool or "", ""))
        if pool is None:
            continue  # told by storage.unmapped or storage.missing
        if pool.capacity <= 0:
            yield unknown(
                ID,
                _LABEL,
                what=f"how large the pool '{pool.name}' on {p.target_host.name} is",
                do="Refresh the pool there.",
            )
        elif disk.size > pool.capacity:
            yield critical(
                ID,
                _LABEL,
                found=f"Disk {disk.name} of '{p.plan.name}' has {size(disk.size)}, and the whole pool '{pool.name}' on "
                f"{p.target_host.name} {size(pool.capacity)}.",
                why="The guest may write more than the pool can ever hold, and then stops with an I/O error.",
                do="Map this machine's storage to a larger pool.",
            )
