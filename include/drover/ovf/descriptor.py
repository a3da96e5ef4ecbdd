"""A machine as an OVF 1.1 descriptor that VMware, VirtualBox and virt-v2v read.

Elements are built as elements; no name ever becomes XML text.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from drover.errors import OperatorNeededError
from drover.model import Disk, Firmware, VirtualMachine
from drover.ovf import words

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A disk as a file of the package. :param href: its name there. :param size: of the file, bytes.

    :param populated: bytes of the disk that hold data.
    """

    href: str
    size: int
    populated: int


def write(machine: VirtualMachine, files: Sequence[PackedFile]) -> bytes:
    """:param files: one for each disk of the machine, in its order.

    :raises OperatorNeededError: the format cannot say what the machine has.
    """
    for prefix, namespace in words.PREFIXES.items():
        ET.register_namespace(prefix, namespace)
    root = ET.Element(_ovf("Envelope"))
    references = ET.SubElement(root, _ovf("References"))
    for number, file in enumerate(files, 1):
        facts = {_ovf("id"): f"file{number}", _ovf("href"): file.href, _ovf("size"): str(file.size)}
        ET.SubElement(references, _ovf("File"), facts)
    _disk_section(root, machine, files)
    _network_section(root, machine)
    system = ET.SubElement(root, _ovf("VirtualSystem"), {_ovf("id"): machine.name})
    ET.SubElement(system, _ovf("Info")).text = "A virtual machine"
    ET.SubElement(system, _ovf("Name")).text = machine.name
    _guest_section(system, machine)
    _hardware(system, machine)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _ovf(name: str) -> str:
    return f"{{{words.OVF}}}{name}"


def _disk_section(root: ET.Element, machine: VirtualMachine, files: Sequence[PackedFile]) -> None:
    section = ET.SubElement(root, _ovf("DiskSection"))
    ET.SubElement(section, _ovf("Info")).text = "The disks"
    for number, (disk, file) in enumerate(zip(machine.disks, files, strict=True), 1):
        facts = {
            "diskId": f"vmdisk{number}",
            "fileRef": f"file{number}",
            "capacity": str(disk.size),
            "capacityAllocationUnits": "byte",
            "populatedSize": str(file.populated),
            "format": words.STREAM_OPTIMIZED,
        }
        ET.SubElement(section, _ovf("Disk"), {_ovf(key): value for key, value in facts.items()})


def _network_section(root: ET.Element, machine: VirtualMachine) -> None:
    section = ET.SubElement(root, _ovf("NetworkSection"))
    ET.SubElement(section, _ovf("Info")).text = "The networks"
    for name in dict.fromkeys(nic.network for nic in machine.nics):
        ET.SubElement(section, _ovf("Network"), {_ovf("name"): name})


def _guest_section(system: ET.Element, machine: VirtualMachine) -> None:
    section = ET.SubElement(system, _ovf("OperatingSystemSection"), {_ovf("id"): str(words.OTHER_64_BIT)})
    ET.SubElement(section, _ovf("Info")).text = "The guest's system"
    if machine.guest_os:
        if machine.hypervisor == "vsphere":
            section.set(f"{{{words.VMW}}}osType", machine.guest_os)
        ET.SubElement(section, _ovf("Description")).text = machine.guest_os


def _hardware(system: ET.Element, machine: VirtualMachine) -> None:
    section = ET.SubElement(system, _ovf("VirtualHardwareSection"))
    ET.SubElement(section, _ovf("Info")).text = "The virtual hardware"
    setting = ET.SubElement(section, _ovf("System"))
    for key, value in (
        ("ElementName", "Virtual Hardware Family"),
        ("InstanceID", "0"),
        ("VirtualSystemIdentifier", machine.name),
        ("VirtualSystemType", words.HARDWARE),
    ):
        ET.SubElement(setting, f"{{{words.VSSD}}}{key}").text = value
    _Items(section).add_all(machine)
    _config(section, "firmware", "efi" if machine.firmware is Firmware.UEFI else "bios")
    _config(section, "bootOptions.efiSecureBootEnabled", "true" if machine.secure_boot else "false")
    _config(section, words.DROVER_UUID, machine.uuid)


def _config(parent: ET.Element, key: str, value: str) -> None:
    facts = {_ovf("required"): "false", f"{{{words.VMW}}}key": key, f"{{{words.VMW}}}value": value}
    ET.SubElement(parent, f"{{{words.VMW}}}Config", facts)


class _Items:
    """The parts of the hardware, each numbered."""

    def __init__(self, section: ET.Element) -> None:
        self._section = section
        self._count = 0
        self._controllers: list[str] = []
        # The controller that disks are hung on now, and its free units.
        self._controller = 0
        self._free: list[int] = []

    def add_all(self, machine: VirtualMachine) -> None:
        cpu, mib = machine.cpu, machine.memory // _MIB
        if machine.memory % _MIB:
            raise OperatorNeededError(
                f"Machine '{machine.name}' has {machine.memory} bytes of memory, and OVF counts in MiB.",
                remedy="Give it whole MiB of memory first.",
            )
        item = self._item(words.CPU, f"{cpu.count} virtual CPUs", VirtualQuantity=cpu.count, units="hertz * 10^6")
        ET.SubElement(item, f"{{{words.VMW}}}CoresPerSocket", {_ovf("required"): "false"}).text = str(
            max(1, cpu.cores * cpu.threads)
        )
        self._item(words.MEMORY, f"{mib} MiB of memory", VirtualQuantity=mib, units="byte * 2^20")
        for number, disk in enumerate(machine.disks, 1):
            self._disk(machine, disk, number)
        for number, nic in enumerate(machine.nics, 1):
            item = self._item(
                words.ETHERNET,
                f"Ethernet {number}",
                Address=nic.mac,
                AutomaticAllocation="true",
                Connection=nic.network,
                ResourceSubType=words.NIC_TYPES.get(nic.model, "VmxNet3"),
            )
            _config(item, words.DROVER_MODEL, nic.model)

    def _item(self, kind: int, name: str, *, units: str | None = None, **facts: str | int) -> ET.Element:
        """Its facts in the order of their names, as the format wants it."""
        self._count += 1
        item = ET.SubElement(self._section, _ovf("Item"))
        values = {"ElementName": name, "InstanceID": self._count, "ResourceType": kind, **facts}
        if units:
            values["AllocationUnits"] = units
        for key in sorted(values):
            ET.SubElement(item, f"{{{words.RASD}}}{key}").text = str(values[key])
        return item

    def _disk(self, machine: VirtualMachine, disk: Disk, number: int) -> None:
        """On the controller of the disk before it where that is of the same kind and has room.

        So the order of the disks is the order of controllers and units, which is how readers list them.
        """
        word = disk.controller if disk.controller in words.CONTROLLER_TYPES else words.BUS_CONTROLLERS.get(disk.bus)
        if word is None:
            raise OperatorNeededError(
                f"Disk {disk.name} of machine '{machine.name}' is on the bus '{disk.bus}', which OVF does not know.",
                remedy="Attach it to a SCSI, SATA, NVMe or IDE controller first.",
            )
        if not self._controllers or self._controllers[-1] != word or not self._free:
            self._add_controller(word)
        item = self._item(
            words.DISK,
            f"Hard disk {number}",
            AddressOnParent=self._free.pop(0),
            HostResource=f"ovf:/disk/vmdisk{number}",
            Parent=self._controller,
        )
        _config(item, words.DROVER_BUS, disk.bus)
        if disk.controller:
            _config(item, words.DROVER_CONTROLLER, disk.controller)

    def _add_controller(self, word: str) -> None:
        kind, subtype = words.CONTROLLER_TYPES[word]
        address = sum(words.CONTROLLER_TYPES[other][0] == kind for other in self._controllers)
        self._controllers.append(word)
        self._item(kind, f"{word} controller {address}", Address=address, ResourceSubType=subtype)
        self._controller, self._free = self._count, list(words.CONTROLLER_UNITS[words.CONTROLLER_BUSES[word]])
