"""A CD or floppy image is in a drive of the machine."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.media"
WAIVABLE = True
KINDS = frozenset({"cdrom-media", "floppy-media"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        drive = device.removesuffix("-media")
        yield critical(
            ID,
            "Medium in a drive",
            found=f"Machine '{p.plan.name}' has an image in its {drive} drive.",
            why="The target has no such image, and a machine that names it does not start there.",
            do="Eject it at the source (virsh change-media --eject).",
        )
