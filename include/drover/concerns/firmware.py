"""The target cannot give the machine its firmware."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "host.firmware"
WAIVABLE = False

_LABEL = "Firmware missing at the target"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None:
        return
    if not p.target_host.firmwares:
        yield unknown(
            ID,
            _LABEL,
            what=f"which firmwares {p.target_host.name} has",
            do="Check that its hypervisor is whole; on KVM, that libvirt lists its domain capabilities.",
        )
    elif p.source.firmware not in p.target_host.firmwares:
        have = ", ".join(firmware.value for firmware in p.target_host.firmwares)
        yield critical(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' boots with {p.source.firmware.value}; {p.target_host.name} has {have}.",
            why="It would not boot there.",
            do="Install the firmware at the target (Debian: the package ovmf).",
        )
