"""A device that no other concern knows."""

from collections.abc import Iterator

from drover.concerns import device_passthrough, device_tpm, device_usb
from drover.concerns.finding import unknown
from drover.concerns.preflight import Preflight, device_kind
from drover.model import Concern

ID = "device.other"
WAIVABLE = False

_JUDGED = device_passthrough.KINDS | device_tpm.KINDS | device_usb.KINDS


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.source.devices if p.source else ():
        if device_kind(device) not in _JUDGED:
            yield unknown(
                ID,
                "Device of an unknown kind",
                what=f"whether the device '{device}' of machine '{p.plan.name}' can move",
                do="Detach it at the source before the move.",
            )
