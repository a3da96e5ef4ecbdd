"""Device models: the neutral words of `drover.model` and what libvirt and QEMU call the same thing.

A guest keeps the device that it knows wherever QEMU has it, because Drover does not change drivers in a guest. Where
QEMU has not, it gets the device of that sort for which its system most likely brings a driver.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """How a disk hangs on a machine. :param model: of the controller, where libvirt wants one named.

    :param neutral: the controller as `drover.model` calls it.
    :param units: how many disks one controller takes.
    :param bios_only: the UEFI firmware that distributions ship with QEMU has no driver to boot from it.
    """

    bus: str
    neutral: str | None
    model: str | None = None
    units: int = 0
    bios_only: bool = False


VIRTIO = Place("virtio", None)
SATA = Place("sata", "ahci", units=6)
IDE = Place("ide", "ide", units=4)
USB = Place("usb", None)

PLACES = {
    "pvscsi": Place("scsi", "pvscsi", "vmpvscsi", 15, bios_only=True),
    "lsisas1068": Place("scsi", "lsisas1068", "lsisas1068", 8, bios_only=True),
    "virtio-scsi": Place("scsi", "virtio-scsi", "virtio-scsi", 15),
    "ahci": SATA,
    "ide": IDE,
    # Hyper-V's IDE is the same PIIX that QEMU has; its SCSI is a device of its own.
    "hyperv-ide": IDE,
}
# libvirt 9 cannot give an image to an NVMe controller, and there is no VMBus in QEMU. VMware's `lsilogic` is a 53C1030
# and its `buslogic` a BT-958; QEMU's `lsi` is a 53C895A, which needs yet another driver.
NOT_IN_QEMU = frozenset({"hyperv-scsi", "nvme", "lsilogic", "buslogic"})
# Where the platform names no controller, its bus says enough for these.
BUSES = {"virtio": VIRTIO, "sata": SATA, "ide": IDE, "usb": USB}

# libvirt's models of SCSI controllers that are the very device that the neutral word means.
SCSI_MODELS = {place.model: place.neutral for place in PLACES.values() if place.model}

NICS = {
    "virtio": "virtio",
    "vmxnet3": "vmxnet3",
    "e1000": "e1000",
    "e1000e": "e1000e",
    "rtl8139": "rtl8139",
    "pcnet32": "pcnet",
    # QEMU has neither; every system since about 2005 has a driver for this one.
    "vmxnet2": "e1000",
    "hyperv-legacy": "e1000",
    "hyperv": "e1000e",
}
NEUTRAL_NICS = {"pcnet": "pcnet32"}
