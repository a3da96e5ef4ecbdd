"""A disk that snapshots leave out, so it cannot be read at one moment while the machine runs."""

from collections.abc import Iterator

from drover.concerns.finding import critical, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "disk.independent"
WAIVABLE = False

_LABEL = "Independent disk"


def check(p: Preflight) -> Iterator[Concern]:
    for disk in p.disks:
        if not disk.independent:
            continue
        found = f"Disk {disk.name} of '{p.plan.name}' is independent, so snapshots leave it out."
        if p.source is not None and p.source.state is PowerState.OFF:
            yield warning(
                ID,
                _LABEL,
                found=found,
                why="It can be read while the machine is off, as it is now, and not while it runs.",
                do="Leave the machine off until it has moved.",
            )
        else:
            yield critical(
                ID,
                _LABEL,
                found=found,
                why="Without a snapshot a running machine's disk cannot be backed up as it is at one moment.",
                do="Make it dependent (its disk mode 'persistent'), or shut the machine down before the wave.",
            )
