"""The machines of a host, all at once: a few calls in all, not a few for each attribute of each machine."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from drover.hypervisors.libvirt import odd, xml
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.files import NVRAM_FOLDER
from drover.hypervisors.libvirt.images import ImageInfo, image_infos, read_nvram
from drover.hypervisors.libvirt.power import state_of
from drover.hypervisors.libvirt.site import Deals, deals, pools
from drover.model import Disk, DiskFormat, Firmware, StoragePool, VirtualMachine

if TYPE_CHECKING:
    import libvirt


@dataclass(frozen=True, slots=True)
class _Raw:
    """A domain as libvirt gave it, before its images were looked at."""

    domain: "libvirt.virDomain"
    root: ET.Element
    disks: list[tuple[xml.DiskXml, str]]
    nvram: str | None


def read(connection: Connection, domains: "Sequence[libvirt.virDomain]") -> list[VirtualMachine]:
    """The machines behind these domains, in the same order."""
    with connection.errors():
        raws = [_raw(connection, domain) for domain in domains]
        known_pools = pools(connection)
    dealt = deals(connection)
    flat = [(disk.format, path) for raw in raws for disk, path in raw.disks]
    infos = iter(image_infos(connection.ssh, flat))
    files = [raw.nvram for raw in raws if raw.nvram]
    nvrams = dict(zip(files, read_nvram(connection.ssh, files), strict=True))
    machines = []
    for raw in raws:
        mine = [next(infos) for _ in raw.disks]
        with connection.errors():
            machines.append(_machine(connection, raw, mine, known_pools, dealt, nvrams.get(raw.nvram or "")))
    return machines


def _raw(connection: Connection, domain: "libvirt.virDomain") -> _Raw:
    import libvirt

    text = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
    root = ET.fromstring(text)
    disks = [(disk, _path(connection, disk)) for disk in xml.disks(root)]
    return _Raw(domain, root, disks, nvram_path(root))


def _path(connection: Connection, disk: xml.DiskXml) -> str:
    if disk.source:
        return disk.source
    if disk.pool and disk.volume:
        return _volume_path(connection, disk.pool, disk.volume)
    return f"{disk.kind}:{disk.name}"  # A network disk or the like; `devices` says so.


def _volume_path(connection: Connection, pool: str, volume: str) -> str:
    """A machine whose volume is gone is a machine still, and must not keep all others of its host from being read."""
    import libvirt

    try:
        found = connection.libvirt.storagePoolLookupByName(pool)
        try:
            return str(found.storageVolLookupByName(volume).path())
        except libvirt.libvirtError:
            folder = ET.fromstring(found.XMLDesc(0)).findtext("target/path") or ""
            return f"{folder.rstrip('/')}/{volume}"
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_POOL:
            raise
        return f"volume:{pool}/{volume}"


def nvram_path(root: ET.Element) -> str | None:
    """Where the UEFI variables lie on the host; libvirt's own default where the XML does not say."""
    if xml.firmware(root) is not Firmware.UEFI:
        return None
    given = root.find("os/nvram")
    if given is not None:
        source = given.find("source")
        path = given.text or (source.get("file") if source is not None else None)
        if path:
            return path.strip()
    return f"{NVRAM_FOLDER}/{root.findtext('name')}_VARS.fd"


def _machine(
    connection: Connection,
    raw: _Raw,
    infos: list[ImageInfo | None],
    known_pools: list[StoragePool],
    dealt: Deals,
    nvram: str | None,
) -> VirtualMachine:
    root, domain = raw.root, raw.domain
    system = root.find("os/type")
    words = [*odd.words(root), *_strip_passwords(root)]
    words += [f"unreadable-disk-{disk.name}" for (disk, _), info in zip(raw.disks, infos, strict=True) if info is None]
    handed = [f"interface-hostdev {nic.mac}" for nic in xml.nics(root) if nic.network in dealt.handed]
    words += [] if "interface-hostdev" in words else handed
    if not domain.isPersistent():
        words.append("transient")
    return VirtualMachine(
        name=domain.name(),
        uuid=domain.UUIDString(),
        hypervisor="libvirt",
        host=connection.name,
        state=state_of(domain),
        cpu=xml.cpu(root),
        memory=xml.memory(root),
        firmware=xml.firmware(root),
        disks=tuple(_disk(disk, path, info, known_pools) for (disk, path), info in zip(raw.disks, infos, strict=True)),
        nics=tuple(replace(nic, address=nic.address or dealt.leases.get(nic.mac)) for nic in xml.nics(root)),
        autostart=bool(domain.isPersistent() and domain.autostart()),
        secure_boot=xml.secure_boot(root),
        snapshots=tuple(domain.snapshotListNames()),
        boot_order=xml.boot_devices(root),
        machine_type=system.get("machine") if system is not None else None,
        devices=tuple(words),
        ownership=xml.ownership(root),
        native=_native(root, nvram),
        guest_os=xml.guest_os(root),
        notes=xml.notes(root),
    )


def _strip_passwords(root: ET.Element) -> list[str]:
    """A console's password is a secret: it must not reach evidence. That there was one is worth a concern."""
    found = False
    for graphics in root.findall("devices/graphics"):
        found = bool(graphics.attrib.pop("passwd", None)) or found
    return ["console-password"] if found else []


def _native(root: ET.Element, nvram: str | None) -> str:
    """The definition with the UEFI variables in it, for without them it would be half a backup."""
    if nvram is not None:
        metadata = root.find("metadata")
        if metadata is None:
            metadata = ET.SubElement(root, "metadata")
        ET.SubElement(metadata, f"{{{xml.NVRAM}}}nvram").text = nvram
    return ET.tostring(root, encoding="unicode")


def _disk(disk: xml.DiskXml, path: str, info: ImageInfo | None, known_pools: list[StoragePool]) -> Disk:
    folder = str(PurePosixPath(path).parent)
    return Disk(
        name=disk.name,
        path=path,
        pool=disk.pool or next((pool.name for pool in known_pools if pool.path == folder), None),
        format=DiskFormat(disk.format),
        size=info.size if info else 0,
        allocated=info.allocated if info else 0,
        bus=disk.bus,
        backing=info.backing if info else None,
        serial=disk.serial,
        boot_order=disk.boot_order,
        read_only=disk.read_only,
        shared=disk.shared,
        controller=disk.controller,
        raw_mapping=disk.passed_through,
    )
