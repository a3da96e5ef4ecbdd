"""Disk images at the target, through its storage pools."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.images import image_infos
from drover.hypervisors.libvirt.translate import Site, Volume

if TYPE_CHECKING:
    import libvirt


def exists(connection: Connection, path: str) -> bool:
    with connection.errors(), suppress(FileNotFoundError):
        connection.ssh.sftp.lstat(path)
        return True
    return False


def require_room(site: Site, volumes: Sequence[Volume]) -> None:
    """:raises OperatorNeededError: a pool has less room than the disks take up at the source."""
    for name in {volume.pool for volume in volumes}:
        needed = sum(volume.allocated for volume in volumes if volume.pool == name)
        free = site.pools[name].available
        if needed > free:
            raise OperatorNeededError(
                f"The storage pool '{name}' on {site.name} is too full: {needed} bytes are needed, {free} are free.",
                remedy="Make room there, or map the storage to another pool.",
            )


def create(connection: Connection, volume: Volume) -> None:
    """An empty image of the right size; one that is there and is right is kept.

    :raises OperatorNeededError: there is one of another size or format.
    """
    if exists(connection, volume.path):
        _require_same(connection, volume)
        return
    root = ET.Element("volume")
    ET.SubElement(root, "name").text = volume.name
    ET.SubElement(root, "capacity", unit="bytes").text = str(volume.size)
    ET.SubElement(root, "allocation", unit="bytes").text = "0"
    target = ET.SubElement(root, "target")
    ET.SubElement(target, "format", type=volume.format.value)
    with connection.errors():
        pool = connection.libvirt.storagePoolLookupByName(volume.pool)
        pool.createXML(ET.tostring(root, encoding="unicode"), 0)


def _require_same(connection: Connection, volume: Volume) -> None:
    info = image_infos(connection.ssh, [(volume.format.value, volume.path)])[0]
    if info is None or info.size != volume.size:
        found = f"has {info.size} bytes" if info else f"is no {volume.format.value} image"
        raise OperatorNeededError(
            f"The image {volume.path} on {connection.name} {found}, but disk {volume.disk} has {volume.size} bytes.",
            remedy="Remove the machine that an earlier try made (drover's rollback does), then try again.",
        )


def delete(connection: Connection, path: str) -> None:
    """Deletes one image; fine where it is gone."""
    import libvirt

    with connection.errors():
        try:
            volume = _lookup(connection, path)
            if volume is not None:
                volume.delete(0)
        except libvirt.libvirtError:
            if exists(connection, path):
                raise


def _lookup(connection: Connection, path: str) -> "libvirt.virStorageVol | None":
    import libvirt

    folder = path.rpartition("/")[0]
    for pool in connection.libvirt.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE):
        if (ET.fromstring(pool.XMLDesc(0)).findtext("target/path") or "").rstrip("/") == folder:
            pool.refresh(0)
    try:
        return connection.libvirt.storageVolLookupByPath(path)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return None
        raise
