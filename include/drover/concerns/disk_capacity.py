"""A disk whose size makes no sense."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.capacity"
WAIVABLE = False

SECTOR = 512
# How a hypervisor marks a disk that it could not look into, with the disk's name behind it.
UNREADABLE = "unreadable-disk-"


def check(p: Preflight) -> Iterator[Concern]:
    devices = p.source.devices if p.source else ()
    for disk in p.disks:
        if disk.size <= 0 or disk.allocated < 0 or f"{UNREADABLE}{disk.name}" in devices:
            yield unknown(
                ID,
                "Disk size not known",
                what=f"how large disk {disk.name} of '{p.plan.name}' is ({disk.path})",
                do="Check that the image is there and whole (qemu-img info).",
            )
        elif disk.size % SECTOR:
            yield critical(
                ID,
                "Odd disk size",
                found=f"Disk {disk.name} of '{p.plan.name}' has {disk.size} bytes, not a multiple of {SECTOR}.",
                why="A guest sees whole sectors only, so source and target could never be compared to the last byte.",
                do=f"Grow the image to the next multiple of {SECTOR} (qemu-img resize) with the machine off.",
            )
