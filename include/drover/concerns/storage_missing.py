"""A storage pool that a disk is mapped to is not there, or not active, at the target."""

from collections.abc import Iterator

from drover.concerns import places
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "storage.missing"
WAIVABLE = False

_KIND = places.Kind(
    id=ID,
    label="Storage",
    noun="storage pool",
    key="mappings.storage",
    without="The disks of machine '{machine}' would have no place.",
    inactive="No disk can be made in it.",
)


def check(p: Preflight) -> Iterator[Concern]:
    used = [disk.pool for disk in p.disks]
    yield from places.check(p, _KIND, used, p.mappings.storage, p.target_pools)
