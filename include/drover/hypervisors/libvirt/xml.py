"""Domain XML read as plain values. libvirtd wrote it, so the standard parser is enough; nothing here asks the host."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass

from drover.hypervisors.libvirt.models import NEUTRAL_NICS, SCSI_MODELS
from drover.model import Cpu, Firmware, Nic, Ownership

OWNER = "https://drover.dev/owner/1"
NVRAM = "https://drover.dev/nvram/1"
_OSINFO = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
ET.register_namespace("drover", OWNER)
ET.register_namespace("drovernvram", NVRAM)

_UNITS = {"b": 1, "bytes": 1, "kb": 10**3, "k": 2**10, "kib": 2**10, "mb": 10**6, "m": 2**20, "mib": 2**20}
_UNITS |= {"gb": 10**9, "g": 2**30, "gib": 2**30, "tb": 10**12, "t": 2**40, "tib": 2**40}


@dataclass(frozen=True, slots=True)
class DiskXml:
    """A <disk> of device `disk` or `lun`, as far as the XML tells it.

    :param source: path of the image, or pool and volume, or None where it is not a file or block device.
    """

    name: str
    kind: str
    source: str | None
    pool: str | None
    volume: str | None
    format: str
    bus: str
    serial: str | None
    boot_order: int | None
    read_only: bool
    shared: bool
    controller: str | None
    passed_through: bool


def memory(root: ET.Element) -> int:
    """Bytes of the machine's memory."""
    element = root.find("memory")
    if element is None or not element.text:
        return 0
    return int(element.text) * _UNITS[element.get("unit", "KiB").lower()]


def cpu(root: ET.Element) -> Cpu:
    count = int(root.findtext("vcpu") or 1)
    element = root.find("cpu")
    if element is None:
        return Cpu(count=count, sockets=count)
    topology = element.find("topology")
    shape = {"sockets": count}
    if topology is not None:
        shape = {key: int(topology.get(key) or 1) for key in ("sockets", "cores", "threads")}
    features = tuple(
        ("" if item.get("policy", "require") in ("require", "force") else "-") + (item.get("name") or "")
        for item in element.findall("feature")
    )
    return Cpu(count=count, model=element.findtext("model"), mode=element.get("mode"), features=features, **shape)


def firmware(root: ET.Element) -> Firmware:
    system = root.find("os")
    if system is None:
        return Firmware.BIOS
    loader = system.find("loader")
    flash = loader is not None and loader.get("type") == "pflash"
    return Firmware.UEFI if flash or system.get("firmware") == "efi" else Firmware.BIOS


def secure_boot(root: ET.Element) -> bool:
    loader = root.find("os/loader")
    if loader is not None and loader.get("secure") == "yes":
        return True
    return any(
        feature.get("name") == "secure-boot" and feature.get("enabled") == "yes"
        for feature in root.findall("os/firmware/feature")
    )


def disks(root: ET.Element) -> list[DiskXml]:
    """In the order of the XML; CD-ROM and floppy drives are not disks."""
    found = root.findall("devices/disk")
    controllers = root.findall("devices/controller[@type='scsi']")
    models = {item.get("index", ""): SCSI_MODELS.get(item.get("model", "")) for item in controllers}
    return [_disk(element, models) for element in found if element.get("device", "disk") in ("disk", "lun")]


def _controller(element: ET.Element, bus: str, models: Mapping[str, str | None]) -> str | None:
    if bus != "scsi":
        return {"sata": "ahci", "ide": "ide"}.get(bus)
    address = element.find("address")
    return models.get(address.get("controller", "0") if address is not None else "0")


def _disk(element: ET.Element, models: Mapping[str, str | None]) -> DiskXml:
    source = element.find("source")
    target, driver = element.find("target"), element.find("driver")
    values = dict(source.attrib) if source is not None else {}
    return DiskXml(
        name=target.get("dev", "") if target is not None else "",
        kind=element.get("type", "file"),
        source=values.get("file") or values.get("dev"),
        pool=values.get("pool"),
        volume=values.get("volume"),
        format=driver.get("type", "raw") if driver is not None else "raw",
        bus=target.get("bus", "") if target is not None else "",
        serial=element.findtext("serial"),
        boot_order=boot_order(element),
        read_only=element.find("readonly") is not None,
        shared=element.find("shareable") is not None,
        controller=_controller(element, target.get("bus", "") if target is not None else "", models),
        passed_through=element.get("device") == "lun",
    )


def boot_order(element: ET.Element) -> int | None:
    boot = element.find("boot")
    return int(boot.get("order", "0")) if boot is not None else None


def nics(root: ET.Element) -> tuple[Nic, ...]:
    return tuple(_nic(element) for element in root.findall("devices/interface"))


def _nic(element: ET.Element) -> Nic:
    mac, model, ip = element.find("mac"), element.find("model"), element.find("ip")
    kind = model.get("type", "") if model is not None else ""
    return Nic(
        mac=(mac.get("address", "") if mac is not None else "").lower(),
        network=nic_network(element),
        model=NEUTRAL_NICS.get(kind, kind),
        boot_order=boot_order(element),
        address=ip.get("address") if ip is not None else None,
    )


def nic_network(element: ET.Element) -> str:
    """What the adapter hangs on: a libvirt network, else a bridge, else a device, else the kind (`user`)."""
    source = element.find("source")
    values = source.attrib if source is not None else {}
    named = values.get("network") or values.get("bridge") or values.get("dev")
    return named or element.get("type") or ""


def boot_devices(root: ET.Element) -> tuple[str, ...]:
    """Names of disks and MACs of adapters by their boot order, or the kinds (`hd`, `network`) of the old way."""
    ordered: list[tuple[int, str]] = []
    for element in root.findall("devices/*"):
        order, target, mac = boot_order(element), element.find("target"), element.find("mac")
        if order is not None:
            name = target.get("dev") if target is not None and element.tag == "disk" else None
            address = mac.get("address", "").lower() if mac is not None else element.tag
            ordered.append((order, name or address or element.tag))
    if ordered:
        return tuple(name for _, name in sorted(ordered))
    return tuple(boot.get("dev", "") for boot in root.findall("os/boot"))


def guest_os(root: ET.Element) -> str | None:
    """What whoever made the machine said of its system: `debian 12`, `win 2k22`; None where nobody said anything."""
    told = root.find(f"metadata/{{{_OSINFO}}}libosinfo/{{{_OSINFO}}}os")
    words = (told.get("id") or "").split("://")[-1].split("/")[1:] if told is not None else []
    return " ".join(words) or None


def notes(root: ET.Element) -> str | None:
    return "\n".join(text for tag in ("title", "description") if (text := root.findtext(tag))) or None


def ownership(root: ET.Element) -> Ownership | None:
    """Drover's tag; None where there is none or it lacks a part, for then it proves nothing."""
    tag = root.find(f"metadata/{{{OWNER}}}owner")
    if tag is None:
        return None
    values = {key: tag.get(key.replace("_", "-")) for key in ("wave", "run", "machine", "source_uuid", "role")}
    if any(value is None for value in values.values()):
        return None
    return Ownership(**{key: value or "" for key, value in values.items()})


def owner_element(owner: Ownership) -> ET.Element:
    """The tag as an element of the domain's metadata."""
    return ET.Element(
        f"{{{OWNER}}}owner",
        {
            "wave": owner.wave,
            "run": owner.run,
            "machine": owner.machine,
            "source-uuid": owner.source_uuid,
            "role": owner.role,
        },
    )
