"""A disk in a format that the target does not use for running machines."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, DiskFormat

ID = "disk.format"
WAIVABLE = True

_LABEL = "Disk format"
# What a hypervisor of each kind runs machines on without reserve.
_GOOD = {
    "libvirt": (DiskFormat.RAW, DiskFormat.QCOW2),
    "vsphere": (DiskFormat.VMDK,),
    "hyperv": (DiskFormat.VHDX, DiskFormat.VHD),
}


def check(p: Preflight) -> Iterator[Concern]:
    good = _GOOD.get(p.target_host.hypervisor)
    if good is not None and p.to_another_kind:
        return  # Its disks are made anew there, in a format of the target's own.
    for disk in p.disks:
        if good is None or disk.format not in tuple(DiskFormat):
            yield unknown(
                ID,
                _LABEL,
                what=f"whether {p.target_host.name} can run disk {disk.name} of '{p.plan.name}' in its format",
                do=f"Convert it to {_names(good or (DiskFormat.RAW,))} at the source.",
            )
        elif disk.format not in good:
            yield critical(
                ID,
                _LABEL,
                found=f"Disk {disk.name} of '{p.plan.name}' is in the format {disk.format.value}.",
                why="The hypervisor may read it, but does not keep it safe under a running guest.",
                do=f"Convert it to {_names(good)} at the source.",
            )


def _names(formats: tuple[DiskFormat, ...]) -> str:
    return " or ".join(each.value for each in formats)
