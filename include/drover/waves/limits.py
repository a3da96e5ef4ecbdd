"""How many machines may be moved at the same time: per host, per storage pool, and per link between two connections.

A place is a text such as `host kvm_old/kvm-a`; all waves name the same thing alike, so that together they keep to it.
"""

from collections.abc import Iterable

from drover.waves.schema import MachinePlan, Wave


def places(
    wave: Wave, plan: MachinePlan, step: str, source_host: str, target_host: str, pools: Iterable[str]
) -> tuple[str, ...]:
    """Where a step of this machine takes a place; only what goes through a machine's disks takes one.

    :param source_host: :param target_host: as their hypervisors name them. :param pools: of the source's disks.
    """
    source, target = wave.source_of(plan), wave.target_of(plan)
    pools = sorted(set(pools))
    here = [f"host {source}/{source_host}", *(f"storage {source}/{pool}" for pool in pools)]
    if step == "backup":
        return tuple(here)
    if step != "transfer":
        return ()
    mapping = wave.mappings_of(plan).storage
    there = {mapping[pool] for pool in pools if pool in mapping}
    return (
        *here,
        f"host {target}/{target_host}",
        *(f"storage {target}/{pool}" for pool in sorted(there)),
        f"link {source} to {target}",
    )


def most(wave: Wave, place: str) -> int | None:
    """How many machines this wave lets into the place at the same time; None for any number."""
    kind = place.partition(" ")[0]
    found: int | None = getattr(wave.limits, kind)
    return found
