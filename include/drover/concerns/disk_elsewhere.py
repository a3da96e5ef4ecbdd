"""A disk of a Hyper-V machine lies on another server, where Drover does not reach it."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.elsewhere"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.source.hypervisor != "hyperv":
        return
    for disk in p.disks:
        if disk.path.startswith("\\\\"):
            yield critical(
                ID,
                "Disk on another server",
                found=f"Disk {disk.name} of '{p.plan.name}' lies on another server than {p.source_host.name} "
                f"({disk.path}).",
                why="Drover reads disks over SMB from the host itself, and its login does not lead on from there, so "
                "neither a backup nor a copy of it can be made.",
                do="Move its storage to a volume of the host first (Move-VMStorage).",
            )
