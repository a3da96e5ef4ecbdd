"""The target's pool cannot hold what the whole wave brings into it."""

from collections.abc import Iterator

from drover.concerns.finding import critical, size, unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, StoragePool
from drover.waves.capacity import what_fits

ID = "storage.too_small"
WAIVABLE = False

_LABEL = "Target storage too small"


def check(p: Preflight) -> Iterator[Concern]:
    mapping = p.mappings.storage
    wanted = {mapping[disk.pool] for disk in p.disks if disk.pool in mapping}
    for pool in p.target_pools:
        if pool.name not in wanted or not pool.active:
            continue
        if pool.available < 0 or pool.capacity <= 0:
            yield unknown(
                ID,
                _LABEL,
                what=f"how much space is left in the pool '{pool.name}' on {p.target_host.name}",
                do="Refresh the pool there.",
            )
        else:
            yield from _compare(p, pool)


def _compare(p: Preflight, pool: StoragePool) -> Iterator[Concern]:
    needs = _needs(p, pool.name)
    allocated, full = sum(now for now, _ in needs.values()), sum(most for _, most in needs.values())
    where = f"The pool '{pool.name}' on {p.target_host.name} has {size(pool.available)} left"
    if allocated > pool.available:
        yield critical(
            ID,
            _LABEL,
            found=f"{where}; this wave brings {size(allocated)} into it. "
            + what_fits(p.wave, {name: now for name, (now, _) in needs.items()}, pool.available),
            why="The copy would stop with the disk full, and so would every other machine in that pool.",
            do="Free some space, map to another pool, or move fewer machines in this wave.",
        )
    elif full > pool.available:
        yield warning(
            ID,
            "Target storage can fill up later",
            found=f"{where}; the disks of this wave take {size(allocated)} now and can grow to {size(full)}.",
            why="Guests that write more stop with an I/O error once the pool is full.",
            do="Watch the pool, or make it larger.",
        )


def _needs(p: Preflight, pool: str) -> dict[str, tuple[int, int]]:
    """Bytes that each machine takes in this pool, now and when full, without what earlier tries brought there."""
    # By place: another kind of hypervisor has other names of disks.
    made = [machine for machine in p.target_machines if machine.ownership]
    there = {(m.name, place): disk.allocated for m in made for place, disk in enumerate(m.disks)}
    found: dict[str, tuple[int, int]] = {}
    for plan, machine in p.companions:
        mapping = p.wave.mappings_of(plan).storage
        for place, disk in enumerate(machine.disks):
            if disk.pool and mapping.get(disk.pool) == pool:
                before = there.get((plan.name, place), 0)
                allocated, full = found.get(plan.name, (0, 0))
                most = max(disk.size, disk.allocated)
                found[plan.name] = (allocated + max(0, disk.allocated - before), full + max(0, most - before))
    return found
