"""The definition of a machine that comes from another kind of hypervisor: built from its neutral fields alone.

Elements are built as elements; no name ever becomes XML text.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import models
from drover.hypervisors.libvirt.files import nvram_file
from drover.hypervisors.libvirt.models import Place
from drover.model import Disk, DiskFormat, Firmware, VirtualMachine

_PREFIXES = {"virtio": "vd", "ide": "hd"}  # all others are `sd`
_REMEDY = "Change it at the source while the machine is off, and see that the guest still boots; then run this again."


def adapted(machine: VirtualMachine) -> VirtualMachine:
    """The machine in libvirt's words: names, buses and formats of its disks, models of its adapters.

    :raises OperatorNeededError: something of it cannot be made by QEMU.
    """
    places = _places(machine)
    names = _names(places)
    disks = tuple(
        replace(disk, name=name, bus=place.bus, controller=place.neutral, format=DiskFormat.QCOW2, backing=None)
        for disk, place, name in zip(machine.disks, places, names, strict=True)
    )
    nics = tuple(replace(nic, model=_nic_model(machine, nic.model, place)) for place, nic in enumerate(machine.nics, 1))
    renamed = dict(zip((disk.name for disk in machine.disks), names, strict=True))
    order = tuple(renamed.get(name, name) for name in machine.boot_order)
    return replace(
        machine,
        hypervisor="libvirt",
        disks=disks,
        nics=nics,
        boot_order=order,
        machine_type=_machine_type(machine),
        native="",
    )


def _machine_type(machine: VirtualMachine) -> str:
    """IDE is only to be had on the old board, and that one has no part in UEFI's newer builds."""
    ide = any(disk.bus == "ide" for disk in machine.disks)
    return "pc" if ide and machine.firmware is Firmware.BIOS else "q35"


def _places(machine: VirtualMachine) -> list[Place]:
    """Where each disk hangs, in an order that libvirt keeps."""
    # Every Linux since 2012 has the driver, and small kernels for clouds lack the other; Windows has it the other way
    # round. SATA also where the first would tear the order apart.
    stand_ins = [models.PLACES["virtio-scsi"], models.SATA] if _no_windows(machine) else [models.SATA]
    tries = [[_place(machine, disk, stand_in) for disk in machine.disks] for stand_in in stand_ins]
    found = next((places for places in tries if _grouped(places)), tries[-1])
    _refuse_other_order(machine, found)
    return found


def _place(machine: VirtualMachine, disk: Disk, stand_in: Place) -> Place:
    """:param stand_in: what it hangs on where QEMU has not what it hung on."""
    name = disk.controller or disk.bus
    found = stand_in if name in models.NOT_IN_QEMU else models.PLACES.get(name) or models.BUSES.get(name)
    if found is None:
        raise OperatorNeededError(
            f"Disk {disk.name} of machine '{machine.name}' hangs on a controller that nobody knows here "
            f"({disk.controller or 'not named'}, bus {disk.bus}).",
            remedy=_REMEDY,
        )
    no_ide = found is models.IDE and _machine_type(machine) != "pc"
    if no_ide or (found.bios_only and machine.firmware is Firmware.UEFI):
        found = stand_in
    if disk.read_only and found.bus in ("ide", "sata"):
        raise OperatorNeededError(
            f"Disk {disk.name} of machine '{machine.name}' is read only, which QEMU cannot do on {found.bus}.",
            remedy=_REMEDY,
        )
    return found


def _refuse_other_order(machine: VirtualMachine, places: list[Place]) -> None:
    """libvirt keeps the disks of a bus together, so an order that mixes them would come back as another."""
    buses = [place.bus for place in places]
    if not _grouped(places):
        raise OperatorNeededError(
            f"The disks of machine '{machine.name}' change from bus to bus and back ({', '.join(buses)}).",
            remedy=_REMEDY,
        )
    if buses.count("ide") > models.IDE.units:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has {buses.count('ide')} IDE disks, and QEMU takes four.", remedy=_REMEDY
        )


def _grouped(places: list[Place]) -> bool:
    buses = [place.bus for place in places]
    return buses == sorted(buses, key=buses.index)


def _names(places: list[Place]) -> list[str]:
    used: dict[str, int] = {}
    names = []
    for place in places:
        prefix = _PREFIXES.get(place.bus, "sd")
        names.append(prefix + _letters(used.setdefault(prefix, 0)))
        used[prefix] += 1
    return names


def _letters(number: int) -> str:
    """a ... z, aa, ab ...: as libvirt and Linux count."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters


def _nic_model(machine: VirtualMachine, model: str, place: int) -> str:
    # Small kernels for clouds lack the usual stand-in as well.
    found = "virtio" if model == "hyperv" and _no_windows(machine) else models.NICS.get(model)
    if found is None:
        raise OperatorNeededError(
            f"Network adapter {place} of machine '{machine.name}' is a '{model}', which QEMU cannot give it.",
            remedy=_REMEDY,
        )
    return models.NEUTRAL_NICS.get(found, found)


def skeleton(machine: VirtualMachine, domain_type: str) -> ET.Element:
    """The domain of an adapted machine, its disks and adapters without their places yet.

    :param domain_type: `kvm` or `qemu`.
    """
    root = ET.Element("domain", type=domain_type)
    ET.SubElement(root, "name").text = machine.name
    ET.SubElement(root, "uuid").text = machine.uuid
    ET.SubElement(root, "memory", unit="b").text = str(machine.memory)
    ET.SubElement(root, "vcpu").text = str(machine.cpu.count)
    _system(root, machine)
    _cpu(root, machine, domain_type)
    ET.SubElement(root, "clock", offset="localtime" if _windows(machine) else "utc")
    for event, action in (("on_poweroff", "destroy"), ("on_reboot", "restart"), ("on_crash", "destroy")):
        ET.SubElement(root, event).text = action
    devices = ET.SubElement(root, "devices")
    orders = _boot_orders(machine)
    _disks(devices, machine, orders)
    for nic in machine.nics:
        element = ET.SubElement(devices, "interface", type="network")
        ET.SubElement(element, "mac", address=nic.mac)
        # Still the source's network: it is mapped together with those of libvirt's own machines.
        ET.SubElement(element, "source", network=nic.network)
        ET.SubElement(element, "model", type=models.NICS[nic.model])
        _boot(element, orders.get(nic.mac))
    ET.SubElement(devices, "serial", type="pty")
    # A screen that only the host itself can look at: the console is where a person looks when a boot fails.
    ET.SubElement(devices, "graphics", type="vnc", autoport="yes", listen="127.0.0.1")
    ET.SubElement(ET.SubElement(devices, "video"), "model", type="vga")
    # libvirt would add one, and the guest has no driver for it.
    ET.SubElement(devices, "memballoon", model="none")
    return root


def _windows(machine: VirtualMachine) -> bool:
    """Windows takes the hardware clock for local time, and its hypervisors give it that."""
    system = (machine.guest_os or "").lower()
    return system.startswith("win") or "windows" in system


def _no_windows(machine: VirtualMachine) -> bool:
    """Known to be another system."""
    return machine.guest_os is not None and not _windows(machine)


def _system(root: ET.Element, machine: VirtualMachine) -> None:
    uefi = machine.firmware is Firmware.UEFI
    system = ET.SubElement(root, "os", {"firmware": "efi"} if uefi else {})
    ET.SubElement(system, "type", arch="x86_64", machine=machine.machine_type or "q35").text = "hvm"
    if uefi:
        secure = "yes" if machine.secure_boot else "no"
        firmware = ET.SubElement(system, "firmware")
        # With the keys that firmware is delivered with, as the source's was.
        ET.SubElement(firmware, "feature", enabled=secure, name="enrolled-keys")
        ET.SubElement(firmware, "feature", enabled=secure, name="secure-boot")
        ET.SubElement(system, "nvram").text = nvram_file(machine.name)
    features = ET.SubElement(root, "features")
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    if uefi and machine.secure_boot:
        ET.SubElement(features, "smm", state="on")


def _cpu(root: ET.Element, machine: VirtualMachine, domain_type: str) -> None:
    cpu = machine.cpu
    # Without KVM the host's own model says nothing of what is emulated.
    element = ET.SubElement(root, "cpu", {"mode": "host-model"} if domain_type == "kvm" else {})
    shape = {"sockets": cpu.sockets, "cores": cpu.cores, "threads": cpu.threads}
    if cpu.sockets * cpu.cores * cpu.threads != cpu.count:
        shape = {"sockets": cpu.count, "cores": 1, "threads": 1}
    ET.SubElement(element, "topology", {key: str(value) for key, value in shape.items()})


def _boot_orders(machine: VirtualMachine) -> dict[str, int]:
    """Disk name or MAC to its number; the first disk where the source named none of them."""
    known = [*(disk.name for disk in machine.disks), *(nic.mac for nic in machine.nics)]
    named = [name for name in machine.boot_order if name in known] or known[:1]
    return {name: number for number, name in enumerate(dict.fromkeys(named), 1)}


def _disks(devices: ET.Element, machine: VirtualMachine, orders: dict[str, int]) -> None:
    addresses = _addresses(devices, machine)
    for disk, address in zip(machine.disks, addresses, strict=True):
        element = ET.SubElement(devices, "disk", type="file", device="disk")
        ET.SubElement(element, "driver", name="qemu", type=disk.format.value, discard="unmap")
        ET.SubElement(element, "target", dev=disk.name, bus=disk.bus)
        if disk.serial:
            ET.SubElement(element, "serial").text = disk.serial
        if disk.read_only:
            ET.SubElement(element, "readonly")
        if address:
            ET.SubElement(element, "address", address)
        _boot(element, orders.get(disk.name))


def _addresses(devices: ET.Element, machine: VirtualMachine) -> Iterator[dict[str, str]]:
    """Each disk's address; makes the SCSI controllers on the way. Other buses have theirs from libvirt."""
    index: dict[str, int] = {}
    used: dict[str, int] = {}
    for disk in machine.disks:
        place = models.PLACES.get(disk.controller or "")
        if place is None or place.model is None:
            yield {}
            continue
        unit = used.get(place.model, 0)
        if unit % place.units == 0:
            index[place.model] = len(devices.findall("controller"))
            ET.SubElement(devices, "controller", type="scsi", index=str(index[place.model]), model=place.model)
        used[place.model] = unit + 1
        values = {"controller": index[place.model], "bus": 0, "target": unit % place.units, "unit": 0}
        yield {"type": "drive"} | {key: str(value) for key, value in values.items()}


def _boot(element: ET.Element, order: int | None) -> None:
    if order is not None:
        ET.SubElement(element, "boot", order=str(order))
