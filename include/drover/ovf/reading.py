"""An OVF descriptor as a machine: whatever its namespaces, versions and prefixes; refused where it cannot be meant.

The machine is of no hypervisor (`ovf`): whoever makes it builds it from the neutral fields.
"""

import hashlib
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from drover.errors import BadInputError
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine
from drover.ovf import words

_LARGEST = 16 << 20
_UNITS = {"byte": 1, "bytes": 1, "kb": 1 << 10, "kilobytes": 1 << 10, "mb": 1 << 20, "megabytes": 1 << 20}
_UNITS |= {"gb": 1 << 30, "gigabytes": 1 << 30, "tb": 1 << 40, "terabytes": 1 << 40}
_POWER = re.compile(r"bytes?(?:\*(\d+))?(?:\*2\^(\d+))?")
_SUBTYPES = {subtype.lower(): word for word, (_, subtype) in words.CONTROLLER_TYPES.items()}
_SUBTYPES |= {"ahci": "ahci", "piix3": "ide", "ich6": "ide", "virtio-scsi": "lsilogic"}
_BY_TYPE = {words.IDE: "ide", words.SCSI: "lsilogic", words.OTHER_STORAGE: "ahci"}
_NICS = {subtype.lower(): word for word, subtype in words.NIC_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Source:
    """The file of a disk. :param href: its name in the package. :param size: bytes, None where it is not said."""

    href: str
    size: int | None
    gzip: bool


@dataclass(frozen=True, slots=True)
class Described:
    """What a descriptor says.

    :param sources: the file of each disk of the machine, in its order; None for a disk that is empty.
    :param notes: what was read and is not kept, for a person.
    """

    machine: VirtualMachine
    sources: tuple[Source | None, ...]
    notes: tuple[str, ...]


def read(text: bytes, label: str) -> Described:
    """:raises BadInputError: it is no descriptor, or describes what Drover does not import."""
    root = _parse(text, label)
    systems = list(root.iter("VirtualSystem"))
    if len(systems) != 1:
        raise BadInputError(
            f"The descriptor of {label} describes {len(systems)} machines; Drover imports packages of one.",
            remedy="Split it, with the tool that made it.",
        )
    return _Reader(root, systems[0], text, label).described()


def _parse(text: bytes, label: str) -> ET.Element:
    if len(text) > _LARGEST or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise BadInputError(
            f"The descriptor of {label} is larger than any that is real, or defines entities.",
            remedy="Get the package from somebody whom you trust.",
        )
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError) as error:
        raise BadInputError(
            f"The descriptor of {label} is no XML: {error}.", remedy="Get the package anew from whoever made it."
        ) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        facts = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update(facts)
    if root.tag != "Envelope":
        raise BadInputError(f"The descriptor of {label} is no OVF.", remedy="Name an OVF package or an OVA file.")
    return root


class _Item:
    """A part of the hardware."""

    def __init__(self, element: ET.Element) -> None:
        self._facts = {child.tag: (child.text or "").strip() for child in element}
        self.settings = {child.get("key", ""): child.get("value", "") for child in element if child.tag == "Config"}
        self.hosts = [(child.text or "").strip() for child in element if child.tag == "HostResource"]

    def get(self, key: str) -> str:
        return self._facts.get(key, "")

    @property
    def kind(self) -> int:
        return int(self.get("ResourceType")) if self.get("ResourceType").isdigit() else 0

    def number(self, key: str, default: int = 0) -> int:
        text = self.get(key)
        return int(text) if text.isdigit() else default


class _Reader:
    def __init__(self, root: ET.Element, system: ET.Element, text: bytes, label: str) -> None:
        self._root, self._system, self._label = root, system, label
        self._digest = hashlib.sha256(text).hexdigest()
        self._notes: list[str] = []
        hardware = system.find("VirtualHardwareSection")
        if hardware is None:
            raise self._wrong("describes no hardware")
        self._settings = {item.get("key", ""): item.get("value", "") for item in hardware.findall("Config")}
        self._items = list(self._chosen(hardware))

    def _wrong(self, what: str) -> BadInputError:
        return BadInputError(
            f"The descriptor of {self._label} {what}.", remedy="Get the package anew from whoever made it."
        )

    def _chosen(self, hardware: ET.Element) -> Iterator[_Item]:
        """Of several configurations the one that is meant where nobody chooses; never the bounds of a value."""
        options = self._root.findall("DeploymentOptionSection/Configuration")
        usual = next((option.get("id") for option in options if option.get("default") == "true"), None)
        if options and usual is None:
            usual = options[0].get("id")
        if len(options) > 1:
            self._notes.append(f"of {len(options)} configurations, '{usual}' was taken")
        for element in hardware:
            if element.tag not in ("Item", "StorageItem", "EthernetPortItem") or element.get("bound"):
                continue
            if usual in element.get("configuration", usual or "").split() or not element.get("configuration"):
                yield _Item(element)

    def described(self) -> Described:
        name = (self._system.findtext("Name") or self._system.get("id") or "").strip()
        if not name:
            raise self._wrong("gives its machine no name")
        disks, sources = self._disks()
        machine = VirtualMachine(
            name=name,
            uuid=self._uuid(name),
            hypervisor="ovf",
            host=self._label,
            state=PowerState.OFF,
            cpu=self._cpu(),
            memory=self._memory(),
            firmware=Firmware.UEFI if self._settings.get("firmware", "").lower() == "efi" else Firmware.BIOS,
            disks=tuple(disks),
            nics=tuple(self._nics(name)),
            autostart=False,
            secure_boot=self._settings.get("bootOptions.efiSecureBootEnabled", "").lower() == "true",
            guest_os=self._guest(),
        )
        self._note_others()
        return Described(machine, tuple(sources), tuple(self._notes))

    def _uuid(self, name: str) -> str:
        """Drover's own packages tell it; of another, the same package always gives the same."""
        try:
            return str(uuid.UUID(self._settings.get(words.DROVER_UUID, "")))
        except ValueError:
            return derived_uuid(self._digest, name)

    def _one(self, kind: int, what: str) -> _Item:
        found = next((item for item in self._items if item.kind == kind), None)
        if found is None or not found.number("VirtualQuantity"):
            raise self._wrong(f"does not say how {what} its machine has")
        return found

    def _cpu(self) -> Cpu:
        item = self._one(words.CPU, "many CPUs")
        count, cores = item.number("VirtualQuantity"), max(1, item.number("CoresPerSocket", 1))
        if count % cores:
            self._notes.append(f"{count} CPUs do not fill sockets of {cores} cores, so each has a socket of its own")
            cores = 1
        return Cpu(count=count, sockets=count // cores, cores=cores)

    def _memory(self) -> int:
        item = self._one(words.MEMORY, "much memory")
        return item.number("VirtualQuantity") * self._unit(item.get("AllocationUnits") or "byte * 2^20")

    def _unit(self, text: str) -> int:
        plain = "".join(text.lower().split())
        match = _POWER.fullmatch(plain)
        if match:
            return int(match[1] or 1) << int(match[2] or 0)
        if plain not in _UNITS:
            raise self._wrong(f"counts in '{text}', which is no unit of bytes")
        return _UNITS[plain]

    # Disks

    def _disks(self) -> tuple[list[Disk], list[Source | None]]:
        controllers = {item.get("InstanceID"): item for item in self._items if item.kind in words.CONTROLLERS}
        order = {instance: place for place, instance in enumerate(controllers)}
        items = [item for item in self._items if item.kind == words.DISK]
        items.sort(key=lambda item: (order.get(item.get("Parent"), len(order)), item.number("AddressOnParent")))
        disks, sources = [], []
        for number, item in enumerate(items, 1):
            source, size = self._file(item, number)
            disks.append(self._disk(item, controllers.get(item.get("Parent")), number, size))
            sources.append(source)
        if not disks:
            raise self._wrong("gives its machine no disk")
        return disks, sources

    def _disk(self, item: _Item, controller: _Item | None, number: int, size: int) -> Disk:
        word: str | None = "lsilogic"
        if controller is not None:
            word = _SUBTYPES.get(controller.get("ResourceSubType").lower(), _BY_TYPE[controller.kind])
        bus = words.CONTROLLER_BUSES[word or "lsilogic"]
        if item.settings.get(words.DROVER_BUS) in words.BUS_CONTROLLERS:
            bus, word = item.settings[words.DROVER_BUS], item.settings.get(words.DROVER_CONTROLLER)
        return Disk(
            name=f"disk{number}",
            path=f"{self._label}: disk {number}",
            pool=None,
            format=DiskFormat.VMDK,
            size=size,
            allocated=0,
            bus=bus,
            controller=word,
        )

    def _file(self, item: _Item, number: int) -> tuple[Source | None, int]:
        host = item.hosts[0] if item.hosts else ""
        wanted = host.rpartition("/")[2]
        if "/file/" in host:
            return self._source(wanted, number), 0
        disk = next((disk for disk in self._root.iter("Disk") if disk.get("diskId") == wanted), None)
        if disk is None:
            raise self._wrong(f"names no disk section for its disk {number}")
        if disk.get("parentRef"):
            raise self._wrong(f"has disk {number} lie upon another one, which Drover does not import")
        capacity = disk.get("capacity", "")
        if not capacity.isdigit():
            raise self._wrong(f"does not say how large disk {number} is")
        size = int(capacity) * self._unit(disk.get("capacityAllocationUnits") or "byte")
        reference = disk.get("fileRef")
        return (self._source(reference, number) if reference else None), size

    def _source(self, reference: str, number: int) -> Source:
        file = next((file for file in self._root.iter("File") if file.get("id") == reference), None)
        href = file.get("href", "") if file is not None else ""
        if file is None or not href:
            raise self._wrong(f"names no file for disk {number}")
        if "://" in href or file.get("chunkSize"):
            where = "at another address" if "://" in href else "in pieces"
            raise self._wrong(f"has the file of disk {number} {where}, which Drover does not import")
        compression = file.get("compression", "").lower()
        if compression not in ("", "identity", "gzip"):
            raise self._wrong(f"has the file of disk {number} packed with {compression}, which Drover does not unpack")
        size = file.get("size", "")
        return Source(href, int(size) if size.isdigit() else None, compression == "gzip")

    # The rest

    def _nics(self, name: str) -> Iterator[Nic]:
        for number, item in enumerate((item for item in self._items if item.kind == words.ETHERNET), 1):
            model = item.settings.get(words.DROVER_MODEL) or _NICS.get(item.get("ResourceSubType").lower(), "e1000")
            yield Nic(mac=self._mac(item.get("Address"), name, number), network=item.get("Connection"), model=model)

    def _mac(self, given: str, name: str, number: int) -> str:
        """Most packages leave it open; it then follows from package, name and place, so that a retry has the same."""
        plain = re.sub(r"[^0-9a-f]", "", given.lower())
        if len(plain) != 12:
            seed = hashlib.sha256(f"{self._digest} {number} {name}".encode()).hexdigest()
            plain = f"525400{seed[:6]}"
        return ":".join(plain[at : at + 2] for at in range(0, 12, 2))

    def _guest(self) -> str | None:
        section = self._system.find("OperatingSystemSection")
        if section is None:
            return None
        return section.get("osType") or (section.findtext("Description") or "").strip() or None

    def _note_others(self) -> None:
        known = {words.CPU, words.MEMORY, words.ETHERNET, words.DISK, *words.CONTROLLERS}
        for item in self._items:
            if item.kind not in known:
                what = item.get("ElementName") or item.get("Caption") or f"a device of type {item.kind}"
                self._notes.append(f"'{what}' is left out")


def derived_uuid(seed: str, name: str) -> str:
    """The UUID of a machine that brings none, or comes under another name."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"drover ovf {seed} {name}"))
