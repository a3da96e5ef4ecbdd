"""The target's definition. A libvirt machine's is made from its own XML: what is not named here stays as it was.

A machine of another kind is built from its neutral fields (`foreign`), and then put in its place here like any other.

Elements are built and changed as elements; no name ever becomes XML text.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import foreign, xml
from drover.hypervisors.libvirt.files import file_name, nvram_file
from drover.hypervisors.mapped import network_for, pool_for
from drover.hypervisors.port import TargetSettings
from drover.model import Disk, DiskFormat, Firmware, Network, StoragePool, VirtualMachine

_ENDINGS = {DiskFormat.RAW: "img", DiskFormat.QCOW2: "qcow2"}


@dataclass(frozen=True, slots=True)
class Site:
    """What the target host offers."""

    name: str
    pools: Mapping[str, StoragePool]
    networks: Mapping[str, Network]
    # Names of `networks` that libvirt knows; the others are bare bridges.
    managed: frozenset[str]
    # `kvm` where its processor helps, else `qemu`.
    domain_type: str = "kvm"


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk to be at the target. :param allocated: bytes it is expected to take up."""

    disk: str
    pool: str
    name: str
    path: str
    format: DiskFormat
    size: int
    allocated: int


def volumes(machine: VirtualMachine, settings: TargetSettings, site: Site) -> list[Volume]:
    """Where each disk goes. :raises OperatorNeededError: a mapping or a pool is missing, or a disk cannot be made."""
    return [_volume(machine, disk, settings, site) for disk in _in_our_words(machine).disks]


def _in_our_words(machine: VirtualMachine) -> VirtualMachine:
    return machine if machine.hypervisor == "libvirt" else foreign.adapted(machine)


def _volume(machine: VirtualMachine, disk: Disk, settings: TargetSettings, site: Site) -> Volume:
    where = f"Disk {disk.name} of machine '{machine.name}'"
    wanted = pool_for(machine, disk, settings)
    pool = site.pools.get(wanted)
    if pool is None or not pool.active:
        state = "is not active" if pool else "does not exist"
        raise OperatorNeededError(
            f"The storage pool '{wanted}' {state} on {site.name}.", remedy="Make or start it, or map another one."
        )
    if disk.format not in _ENDINGS or disk.size <= 0:
        raise OperatorNeededError(
            f"{where} has format {disk.format.value} and {disk.size} bytes, which cannot be made on {site.name}.",
            remedy="See whether its image can be read at the source; convert it to raw or qcow2.",
        )
    name = volume_name(machine.name, disk)
    return Volume(disk.name, wanted, name, f"{pool.path}/{name}", disk.format, disk.size, disk.allocated)


def volume_name(machine: str, disk: Disk) -> str:
    """The name of a disk's image in its pool at the target."""
    return f"{file_name(machine, disk.name)}.{_ENDINGS.get(disk.format, disk.format.value)}"


def definition(machine: VirtualMachine, settings: TargetSettings, site: Site) -> str:
    """The XML of the machine at its target, tagged with `settings.owner`."""
    ours = _in_our_words(machine)
    root = ET.fromstring(machine.native) if ours is machine else foreign.skeleton(ours, site.domain_type)
    places = {volume.disk: volume for volume in volumes(machine, settings, site)}
    localise(root)
    _name(root, machine)
    _system(root, machine)
    for element in root.findall("devices/disk"):
        _place(element, places)
    for element in root.findall("devices/interface"):
        _connect(element, machine, settings, site)
    metadata = root.find("metadata")
    if metadata is None:
        metadata = ET.SubElement(root, "metadata")
    metadata.append(xml.owner_element(settings.owner))
    return ET.tostring(root, encoding="unicode")


def localise(root: ET.Element) -> None:
    """Takes away what holds on one host only: security labels, generated aliases, emulator path, Drover's tags."""
    root.attrib.pop("id", None)
    for parent in list(root.iter()):
        for child in list(parent):
            generated = child.tag == "alias" and not (child.get("name") or "").startswith("ua-")
            if generated or child.tag in ("seclabel", "emulator", "backingStore"):
                parent.remove(child)
    metadata = root.find("metadata")
    for child in list(metadata) if metadata is not None else []:
        if metadata is not None and child.tag in (f"{{{xml.OWNER}}}owner", f"{{{xml.NVRAM}}}nvram"):
            metadata.remove(child)


def _name(root: ET.Element, machine: VirtualMachine) -> None:
    """A machine that comes under another name than its own definition's. The MAC addresses stay."""
    for tag, value in (("name", machine.name), ("uuid", machine.uuid)):
        element = root.find(tag)
        if element is not None:
            element.text = value
    # What the guest reads from its BIOS is the same UUID, or libvirt refuses the definition.
    for entry in root.findall("sysinfo/system/entry[@name='uuid']"):
        entry.text = machine.uuid


def _system(root: ET.Element, machine: VirtualMachine) -> None:
    system = root.find("os")
    if machine.firmware is not Firmware.UEFI or system is None:
        return
    nvram = system.find("nvram")
    if nvram is None:
        nvram = ET.SubElement(system, "nvram")
    for child in list(nvram):
        nvram.remove(child)
    nvram.attrib.pop("type", None)
    nvram.text = nvram_file(machine.name)


def _place(element: ET.Element, places: Mapping[str, Volume]) -> None:
    target, source = element.find("target"), element.find("source")
    volume = places.get(target.get("dev", "")) if target is not None else None
    if element.get("device") in ("cdrom", "floppy"):
        # The medium stays behind: it is a file of the source host.
        if source is not None:
            element.remove(source)
        element.set("type", "file")
    elif volume is not None:
        if source is None:
            source = ET.SubElement(element, "source")
        source.clear()
        source.set("file", volume.path)
        element.set("type", "file")


def _connect(element: ET.Element, machine: VirtualMachine, settings: TargetSettings, site: Site) -> None:
    now = xml.nic_network(element)
    wanted = network_for(machine, now, settings)
    if wanted not in site.networks:
        raise OperatorNeededError(
            f"The network '{wanted}' does not exist on {site.name}.", remedy="Make it, or map another one."
        )
    connect_to(element, wanted, managed=wanted in site.managed)


def connect_to(element: ET.Element, network: str, *, managed: bool) -> None:
    """Hangs an adapter on a network of libvirt's, or on a bare bridge."""
    for tag in ("source", "target", "virtualport"):
        child = element.find(tag)
        if child is not None:
            element.remove(child)
    element.set("type", "network" if managed else "bridge")
    source = ET.Element("source", {"network" if managed else "bridge": network})
    element.insert(1, source)
