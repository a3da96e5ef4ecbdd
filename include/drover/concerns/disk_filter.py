"""An I/O filter (replication, cache) hangs on a disk."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.filter"
WAIVABLE = False
KINDS = frozenset({"disk-filter"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield warning(
            ID,
            "Filter on a disk",
            found=f"A program of the host sees every write to a disk of machine '{p.plan.name}' ({device}).",
            why="Replication or caching of that kind ends with the move.",
            do="Set it up again at the target where it is still needed.",
        )
