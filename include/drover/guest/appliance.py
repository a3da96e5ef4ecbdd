"""libguestfs' appliance: a small virtual machine that mounts a guest's filesystems, so that this host never does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from drover.errors import BadInputError
from drover.guest.mounts import Filesystem

# Enough to read any filesystem; libguestfs' own default of 1280 is for repairing and converting.
_MEMORY_MIB = 512
_CONTAINERS = {"LVM2_member", "linux_raid_member"}
# What the kernel looks at one device at a time. All else (LVM, RAID, btrfs, an outside journal, anything unknown) finds
# its parts by identities that a disk and its copy have in common, so that in one appliance they would be mixed up.
_BY_THEMSELVES = {"", "swap", "ext2", "ext3", "ext4", "xfs", "vfat", "ntfs", "exfat", "iso9660", "udf", "squashfs"}
_BY_THEMSELVES |= {"crypto_LUKS", "BitLocker"}


@contextmanager
def appliance(disks: Sequence[str]) -> Iterator[Any]:
    """A started appliance with these disks, each an NBD URI; attached read only. It ends with the context."""
    import guestfs

    handle = guestfs.GuestFS(python_return_dict=True)
    try:
        handle.set_memsize(_MEMORY_MIB)
        handle.set_smp(1)
        for index, uri in enumerate(disks):
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


def filesystems(
    handle: Any, names: Sequence[str], beat: Callable[[], None], *, first: int = 0, alone: bool = True
) -> list[Filesystem]:
    """Everything that may hold data: partitions, whole disks without any, logical volumes, RAID devices.

    libguestfs' own listing takes two seconds a partition under emulation; this one a tenth of one.

    :param names: of the disks from the appliance's disk number `first` on.
    :param alone: they are all of the appliance's disks; else nothing that is put together of several is looked for.
    """
    labels = handle.list_disk_labels()
    disks = {labels[_label(first + index)]: name for index, name in enumerate(names)}
    on = {partition: handle.part_to_dev(partition) for partition in handle.list_partitions()}
    partitions = {partition: disk for partition, disk in on.items() if disk in disks}
    found = [(f"{disks[disk]}:{handle.part_to_partnum(part)}", part) for part, disk in partitions.items()]
    found += [(f"{name}:0", disk) for disk, name in disks.items() if disk not in partitions.values()]
    if alone:
        found += [(f"lvm:{volume.removeprefix('/dev/')}", volume) for volume in handle.lvs()]
        raids = handle.list_md_devices()
        found += [(f"raid:{handle.md_detail(device).get('uuid', device)}", device) for device in raids]
    return [_describe(handle, key, device, beat) for key, device in sorted(found)]


def by_themselves(found: Sequence[Filesystem]) -> bool:
    """Whether these can be told from copies of themselves in the same appliance."""
    return all(filesystem.type in _BY_THEMSELVES for filesystem in found)


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
