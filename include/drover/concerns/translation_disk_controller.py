"""A disk would hang on another controller, for which the guest needs another driver."""

from collections.abc import Iterator

from drover.concerns.finding import critical, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Disk

ID = "translation.disk_controller"
WAIVABLE = True

_LABEL = "Disk on another controller"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.translated is None:
        return
    for place, (here, there) in enumerate(zip(p.source.disks, p.translated.disks, strict=False)):
        if _model(here) == _model(there):
            continue
        found = f"Disk {here.name} of '{p.plan.name}' hangs on {_model(here)}; at the target it is on {_model(there)}."
        do = "Make sure that the guest loads its driver at boot, or change the controller at the source first."
        if place == 0 and p.mappings.test_network is None:
            yield critical(
                ID,
                _LABEL,
                found=found,
                why="A guest without the driver does not boot, and no trial boot would show it before the cutover.",
                do=f"Name a test_network for trial boots. {do}",
            )
        else:
            yield warning(
                ID,
                _LABEL,
                found=found,
                why="Drover changes no drivers in a guest; one that lacks this driver does not find the disk.",
                do=do,
            )


def _model(disk: Disk) -> str:
    """`hyperv-ide` is the chip that every other hypervisor calls IDE too."""
    return "ide" if disk.controller == "hyperv-ide" else disk.controller or disk.bus
