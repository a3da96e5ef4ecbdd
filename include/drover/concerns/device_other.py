"""A device that no other concern knows."""

from collections.abc import Iterator

from drover.concerns import disk_capacity
from drover.concerns.finding import unknown
from drover.concerns.preflight import Preflight, device_kind
from drover.model import Concern

ID = "device.other"
WAIVABLE = False


def _judged() -> frozenset[str]:
    """The kinds of device that the other concerns look at."""
    from drover.concerns.catalogue import modules

    return frozenset[str]().union(*(getattr(module, "KINDS", ()) for module in modules()))


def check(p: Preflight) -> Iterator[Concern]:
    judged = _judged()
    for device in p.source.devices if p.source else ():
        if device_kind(device) not in judged and not device.startswith(disk_capacity.UNREADABLE):
            yield unknown(
                ID,
                "Device of an unknown kind",
                what=f"whether '{device}' of machine '{p.plan.name}' can move",
                do="Detach it at the source before the move.",
            )
