"""Where a guest mounts its filesystems, by its own fstab: a wave file names paths as the guest knows them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Filesystem:
    """:param key: named alike at both ends, see `drover.guest.table`. :param device: in the appliance."""

    key: str
    device: str
    type: str
    uuid: str = ""
    label: str = ""
    size: int = 0


def mountpoints(tables: Mapping[str, str], filesystems: list[Filesystem]) -> dict[str, str]:
    """Filesystem key to mount point.

    :param tables: filesystem key to the text of its `/etc/fstab`; the one with the most entries that fit is the root's.
    """
    best: dict[str, str] = {}
    for root, text in tables.items():
        found = {root: "/"}
        for spec, point in _entries(text):
            match = [fs.key for fs in filesystems if _is(fs, spec)]
            if len(match) == 1 and point.startswith("/"):
                found.setdefault(match[0], point)
        if len(found) > len(best):
            best = found
    return best


def _entries(text: str) -> list[tuple[str, str]]:
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    return [(fields[0], fields[1].replace("\\040", " ")) for fields in lines if len(fields) >= 2]


def _is(filesystem: Filesystem, spec: str) -> bool:
    """UUID and label are sure. A device name is trusted where it names a virtio or LVM device as the host does."""
    kind, _, value = spec.partition("=")
    value = value.strip("\"'")
    if kind in ("UUID", "LABEL"):
        return bool(value) and value == (filesystem.uuid if kind == "UUID" else filesystem.label)
    # From the right: a disk's own name may hold a colon (`scsi0:0`).
    disk, _, partition = filesystem.key.rpartition(":")
    if disk == "lvm":
        group, _, volume = partition.partition("/")
        return spec in (f"/dev/{partition}", f"/dev/mapper/{group.replace('-', '--')}-{volume.replace('-', '--')}")
    return spec == f"/dev/{disk}{partition if partition != '0' else ''}"
