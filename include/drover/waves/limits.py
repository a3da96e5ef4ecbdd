"""How many machines may be moved at the same time: per host, per storage pool, and per link between two connections.

A place is a text such as `host kvm_old/kvm-a`; all waves name the same thing alike, so that together they keep to it.
"""

import json
from collections.abc import Callable, Iterable

from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec
from drover.waves.schema import Limits, MachinePlan, Wave

_EXTRA = "limits"


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


def most(said: Limits, place: str) -> int | None:
    """How many machines these limits let into the place at the same time; None for any number."""
    kind = place.partition(" ")[0]
    found: int | None = getattr(said, kind)
    return found


def connections(place: str) -> tuple[str, ...]:
    """The ids of the connections whose own limits count in this place; ids have neither spaces nor slashes."""
    kind, _, where = place.partition(" ")
    return tuple(where.split(" to ")) if kind == "link" else (where.partition("/")[0],)


def of_connection(spec: ConnectionSpec) -> Limits:
    """What the connection itself allows, whichever wave asks: `limits` in its extra, as in a wave file.

    :raises BadInputError: nobody can tell what it allows.
    """
    said = spec.extra.get(_EXTRA) or {}
    try:
        return Limits.model_validate(json.loads(said) if isinstance(said, str) else said)
    except ValueError:
        raise BadInputError(
            f"The limits of the connection '{spec.id}' cannot be read.",
            remedy='Write them as JSON with the words of a wave file, as in {"host": 2, "storage": 2, "link": 4}.',
        ) from None


def bound(wave: Wave, resolve: Callable[[str], ConnectionSpec]) -> Wave:
    """The wave with the smallest of its own limits and those of its connections, for an estimate: where it has several
    connections, one that allows less counts for all, so that the estimate is rather too long.

    :raises BadInputError: as `of_connection`, or there is no such connection.
    """
    ids = {end(plan) for plan in wave.machines for end in (wave.source_of, wave.target_of)}
    said = [wave.limits, *(of_connection(resolve(conn_id)) for conn_id in sorted(ids))]
    least = {
        kind: min((most for each in said if (most := getattr(each, kind)) is not None), default=None)
        for kind in Limits.model_fields
    }
    return wave.model_copy(update={"limits": Limits(**least)})
