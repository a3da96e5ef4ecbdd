"""A disk lies upon another image: a linked clone, or an external snapshot."""

from collections.abc import Iterator

from drover.concerns.finding import critical, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "disk.backing_chain"
WAIVABLE = True

_LABEL = "Disk with a backing image"


def check(p: Preflight) -> Iterator[Concern]:
    for disk in p.disks:
        if disk.backing is None:
            continue
        found = f"Disk {disk.name} of '{p.plan.name}' lies upon {disk.backing}."
        if p.plan.strategy is Strategy.LIVE:
            yield critical(
                ID,
                _LABEL,
                found=found,
                why="The target has no such image, and a live move may copy the upper layer alone.",
                do="Merge it (virsh blockcommit or blockpull), or choose the strategy 'cold'.",
            )
        else:
            yield warning(
                ID,
                _LABEL,
                found=found,
                why="It arrives as one whole disk: the same bytes for the guest, but its base is not shared any more.",
                do="Check that the target has the space; nothing else is needed.",
            )
