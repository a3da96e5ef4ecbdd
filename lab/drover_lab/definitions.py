"""What libvirt is told: networks, pools and machines, as XML that is built and never pasted together."""

import uuid
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from drover.errors import OperatorNeededError
from drover.model import Firmware
from drover_lab.guests import DiskSpec, Guest

IMAGES = "/var/lib/libvirt/images"
NVRAM = "/var/lib/libvirt/qemu/nvram"
# Code and variables of OVMF belong together; where a distribution has both sizes, the larger is the newer.
_FIRMWARE = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
)


NETWORKS = ("production", "isolated")
POOLS = {"default": IMAGES, "small": "/var/lib/libvirt/small"}


def network(name: str) -> str:
    """A libvirt network upon the host's bridge of the same name."""
    root = Element("network")
    SubElement(root, "name").text = name
    SubElement(root, "uuid").text = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.network.lab.drover"))
    SubElement(root, "forward", mode="bridge")
    SubElement(root, "bridge", name=name)
    return _text(root)


def pool(name: str) -> str:
    """A pool of images in a folder."""
    root = Element("pool", type="dir")
    SubElement(root, "name").text = name
    SubElement(root, "uuid").text = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.pool.lab.drover"))
    SubElement(SubElement(root, "target"), "path").text = POOLS[name]
    return _text(root)


def domain(guest: Guest, domain_type: str, lab: str) -> str:
    """A machine. :param domain_type: `kvm` or `qemu`. :param lab: the lab's name; the UUID follows from it."""
    root = Element("domain", type=domain_type)
    SubElement(root, "name").text = guest.name
    SubElement(root, "uuid").text = str(machine_uuid(guest.name, lab))
    SubElement(root, "title").text = f"Drover lab machine {guest.name}"
    SubElement(root, "memory", unit="KiB").text = str(guest.spec.memory // 1024)
    SubElement(root, "vcpu").text = "1"
    _operating_system(root, guest)
    SubElement(root, "clock", offset="utc")
    SubElement(root, "on_poweroff").text = "destroy"
    SubElement(root, "on_reboot").text = "restart"
    SubElement(root, "on_crash").text = "destroy"
    devices = SubElement(root, "devices")
    for place, disk in enumerate(guest.spec.disks):
        _disk(devices, guest, disk, place)
    _interface(devices, guest)
    serial = SubElement(devices, "serial", type="pty")
    SubElement(serial, "log", file=f"/var/log/libvirt/qemu/{guest.name}-console.log", append="on")
    SubElement(SubElement(devices, "rng", model="virtio"), "backend", model="random").text = "/dev/urandom"
    SubElement(devices, "memballoon", model="none")
    return _text(root)


def machine_uuid(name: str, lab: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.machine.{lab}.lab.drover")


def nvram_path(guest: Guest) -> str:
    return f"{NVRAM}/{guest.name}_VARS.fd"


def _operating_system(root: Element, guest: Guest) -> None:
    system = SubElement(root, "os")
    SubElement(system, "type", arch="x86_64", machine="q35").text = "hvm"
    if guest.spec.firmware is Firmware.UEFI:
        code, variables = firmware_files()
        SubElement(system, "loader", readonly="yes", type="pflash").text = code
        SubElement(system, "nvram", template=variables).text = nvram_path(guest)
    features = SubElement(root, "features")
    SubElement(features, "acpi")
    SubElement(features, "apic")


def firmware_files() -> tuple[str, str]:
    """OVMF's code, and the variables that a machine begins with. :raises OperatorNeededError: it is not installed."""
    for code, variables in _FIRMWARE:
        if Path(code).exists() and Path(variables).exists():
            return code, variables
    raise OperatorNeededError("The UEFI firmware (OVMF) is not installed.", remedy="Run './drover setup'.")


def _disk(devices: Element, guest: Guest, disk: DiskSpec, place: int) -> None:
    element = SubElement(devices, "disk", type="file", device="disk")
    SubElement(element, "driver", name="qemu", type=disk.format.value, discard="unmap")
    SubElement(element, "source", file=f"{IMAGES}/{guest.image_name(disk)}")
    SubElement(element, "target", dev=f"vd{chr(ord('a') + place)}", bus="virtio")
    if disk.bootable:
        SubElement(element, "boot", order="1")


def _interface(devices: Element, guest: Guest) -> None:
    element = SubElement(devices, "interface", type="network")
    SubElement(element, "mac", address=guest.mac)
    SubElement(element, "source", network="production")
    SubElement(element, "model", type="virtio")


def _text(root: Element) -> str:
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode")
