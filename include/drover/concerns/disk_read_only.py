"""Read-only media, such as a CD image."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.read_only"
WAIVABLE = True


def check(p: Preflight) -> Iterator[Concern]:
    for disk in p.disks:
        if disk.read_only:
            yield critical(
                ID,
                "Read-only medium",
                found=f"Disk {disk.name} of '{p.plan.name}' ({disk.path}) is read-only, as a CD image is.",
                why="The target has no such medium, and a machine that names it does not start there.",
                do="Eject or detach it at the source.",
            )
