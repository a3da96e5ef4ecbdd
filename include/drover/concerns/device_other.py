"""A device that no other concern knows."""

from collections.abc import Iterator

from drover.concerns import (
    console_password,
    device_host_share,
    device_interface,
    device_media,
    device_passthrough,
    device_tpm,
    device_usb,
    disk_capacity,
    machine_transient,
)
from drover.concerns.finding import unknown
from drover.concerns.preflight import Preflight, device_kind
from drover.model import Concern

ID = "device.other"
WAIVABLE = False

_JUDGED = (
    console_password.KINDS
    | device_host_share.KINDS
    | device_interface.KINDS
    | device_media.KINDS
    | device_passthrough.KINDS
    | device_tpm.KINDS
    | device_usb.KINDS
    | machine_transient.KINDS
)


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.source.devices if p.source else ():
        if device_kind(device) not in _JUDGED and not device.startswith(disk_capacity.UNREADABLE):
            yield unknown(
                ID,
                "Device of an unknown kind",
                what=f"whether '{device}' of machine '{p.plan.name}' can move",
                do="Detach it at the source before the move.",
            )
