"""A device of the host is handed through to the machine."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.passthrough"
WAIVABLE = True
KINDS = frozenset({"hostdev", "interface-hostdev", "interface-vdpa", "gpu-partition", "fibre-channel"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield critical(
            ID,
            "Device of the host passed through",
            found=f"Machine '{p.plan.name}' has a device of {p.source_host.name} passed through ({device}).",
            why="It stays behind: the machine would not start at the target, or start without it.",
            do="Detach it, or provide the like at the target and attach it there by hand afterwards.",
        )
