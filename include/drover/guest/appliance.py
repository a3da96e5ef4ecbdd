"""libguestfs' appliance: a small virtual machine that mounts a guest's filesystems, so that this host never does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from drover.errors import BadInputError
from drover.guest.mounts import Filesystem

# Enough to read any filesystem; libguestfs' own default of 1280 is for repairing and converting.
_MEMORY_MIB = 512
_CONTAINERS = {"LVM2_member", "linux_raid_member"}


@contextmanager
def appliance(disks: Mapping[str, str]) -> Iterator[Any]:
    """A started appliance with these disks, by name, each an NBD URI; attached read only. It ends with the context."""
    import guestfs

    handle = guestfs.GuestFS(python_return_dict=True)
    try:
        handle.set_memsize(_MEMORY_MIB)
        handle.set_smp(1)
        for index, uri in enumerate(disks.values()):
            export, socket = _nbd(uri)
            handle.add_drive_opts(
                export, protocol="nbd", server=[f"unix:{socket}"], readonly=True, format="raw", label=_label(index)
            )
        handle.launch()
        yield handle
    finally:
        handle.close()


def _nbd(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    socket = parse_qs(parts.query).get("socket", [""])[0]
    if parts.scheme != "nbd+unix" or not socket:
        raise BadInputError(
            f"The files of a disk at an address of the kind '{parts.scheme}' cannot be read.",
            remedy="Serve the disk on a Unix socket: nbd+unix:///name?socket=/path.",
        )
    return unquote(parts.path.removeprefix("/")), socket


def _label(index: int) -> str:
    """libguestfs takes letters only."""
    return "disk" + "".join(chr(ord("a") + int(digit)) for digit in str(index))


def filesystems(handle: Any, names: Iterable[str], beat: Callable[[], None]) -> list[Filesystem]:
    """Everything that may hold data: partitions, whole disks without any, logical volumes, RAID devices.

    libguestfs' own listing takes two seconds a partition under emulation; this one a tenth of one.
    """
    labels = handle.list_disk_labels()
    disks = {labels[_label(index)]: name for index, name in enumerate(names)}
    partitions = {partition: handle.part_to_dev(partition) for partition in handle.list_partitions()}
    found = [(f"{disks[disk]}:{handle.part_to_partnum(part)}", part) for part, disk in partitions.items()]
    found += [(f"{name}:0", disk) for disk, name in disks.items() if disk not in partitions.values()]
    found += [(f"lvm:{volume.removeprefix('/dev/')}", volume) for volume in handle.lvs()]
    found += [(f"raid:{handle.md_detail(device).get('uuid', device)}", device) for device in handle.list_md_devices()]
    return [_describe(handle, key, device, beat) for key, device in sorted(found)]


def _describe(handle: Any, key: str, device: str, beat: Callable[[], None]) -> Filesystem:
    beat()
    kind = handle.vfs_type(device)
    mountable = kind not in ("", "swap") and kind not in _CONTAINERS
    return Filesystem(
        key=key,
        device=device,
        type="container" if kind in _CONTAINERS else kind,
        uuid=handle.vfs_uuid(device) if mountable else "",
        label=handle.vfs_label(device) if mountable else "",
        size=handle.blockdev_getsize64(device),
    )
