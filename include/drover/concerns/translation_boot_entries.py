"""What UEFI noted on the machine's board does not go to another kind of hypervisor."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Firmware

ID = "translation.boot_entries"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.firmware is Firmware.UEFI and p.to_another_kind:
        yield warning(
            ID,
            "UEFI boot entries stay behind",
            found=f"Machine '{p.plan.name}' boots with UEFI, and its boot entries lie outside its disks.",
            why="At another kind of hypervisor it boots from the disk's fallback loader (EFI/BOOT/BOOTX64.EFI), "
            "or not at all where there is none.",
            do="See that the loader is there; the trial boot shows it.",
        )
