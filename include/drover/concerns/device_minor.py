"""A device that few guests miss."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.minor"
WAIVABLE = False
KINDS = frozenset(
    {"sound", "watchdog", "precision-clock", "console", "rng", "panic", "iommu", "pstore", "crypto", "nvram"}
)


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS) if not p.keeps_definition else ():
        yield information(
            ID,
            "Device that stays behind",
            found=f"Machine '{p.plan.name}' has a device that is not moved ({device}).",
            why="Hardly any guest needs it; one that does will say so when it starts.",
            do="Add the like at the target afterwards, where the guest needs it.",
        )
