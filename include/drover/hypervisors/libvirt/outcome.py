"""The machine as this host will describe it, read from the very definition that would be handed to libvirt."""

import xml.etree.ElementTree as ET

from drover.hypervisors.libvirt import odd, translate, xml
from drover.hypervisors.libvirt.translate import Site, Volume
from drover.hypervisors.port import TargetSettings
from drover.model import Disk, PowerState, VirtualMachine


def translated(machine: VirtualMachine, settings: TargetSettings, site: Site) -> VirtualMachine:
    """:raises OperatorNeededError: it cannot be made here."""
    text = translate.definition(machine, settings, site)
    root = ET.fromstring(text)
    places = translate.volumes(machine, settings, site)
    system = root.find("os/type")
    return VirtualMachine(
        name=root.findtext("name") or "",
        uuid=root.findtext("uuid") or "",
        hypervisor="libvirt",
        host=site.name,
        state=PowerState.OFF,
        cpu=xml.cpu(root),
        memory=xml.memory(root),
        firmware=xml.firmware(root),
        disks=tuple(_disk(disk, volume) for disk, volume in zip(xml.disks(root), places, strict=True)),
        nics=xml.nics(root),
        autostart=False,
        secure_boot=xml.secure_boot(root),
        boot_order=xml.boot_devices(root),
        machine_type=system.get("machine") if system is not None else None,
        devices=odd.words(root),
        ownership=settings.owner,
        native=text,
    )


def _disk(disk: xml.DiskXml, volume: Volume) -> Disk:
    """A new image: it takes up nothing yet and lies upon none."""
    return Disk(
        name=disk.name,
        path=volume.path,
        pool=volume.pool,
        format=volume.format,
        size=volume.size,
        allocated=0,
        bus=disk.bus,
        serial=disk.serial,
        boot_order=disk.boot_order,
        read_only=disk.read_only,
        shared=disk.shared,
        controller=disk.controller,
        raw_mapping=disk.passed_through,
    )
