"""The lab's machines: what each is for, and what it is made of. Sizes are in bytes."""

from dataclasses import dataclass
from enum import StrEnum

from drover.errors import BadInputError
from drover.model import DiskFormat, Firmware
from drover_lab.topology import Topology

MIB = 1024 * 1024
GIB = 1024 * MIB
HTTP_PORT = 8080


class Content(StrEnum):
    """What lies on a disk's data partition."""

    SYSTEM = "system"  # the guest's own files and the mixed seeded data
    MANY_FILES = "many_files"  # ten thousand small ones


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """One disk.

    :param name: libvirt's target device, or the place on a vSphere or Hyper-V machine.
    :param data: how much seeded data to put there, about.
    """

    name: str
    format: DiskFormat
    size: int
    content: Content
    data: int

    @property
    def bootable(self) -> bool:
        return self.content is Content.SYSTEM


@dataclass(frozen=True, slots=True)
class GuestSpec:
    """:param number: address and MAC follow from it. :param home: the host it starts on."""

    name: str
    number: int
    firmware: Firmware
    disks: tuple[DiskSpec, ...]
    memory: int = 192 * MIB
    home: str = "kvm-a"


@dataclass(frozen=True, slots=True)
class Guest:
    """A machine of one particular lab."""

    spec: GuestSpec
    mac: str
    address: str

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def url(self) -> str:
        return f"http://{self.address}:{HTTP_PORT}"

    def image_name(self, disk: DiskSpec) -> str:
        """The image's file name in the pool `default`."""
        suffix = "" if disk.bootable else f"-{disk.name}"
        return f"{self.name}{suffix}.{'qcow2' if disk.format is DiskFormat.QCOW2 else 'img'}"


SPECS = (
    GuestSpec(
        "db",
        1,
        Firmware.UEFI,
        (DiskSpec("vda", DiskFormat.RAW, 256 * MIB, Content.SYSTEM, 48 * MIB),),
        # GRUB under UEFI has not enough memory left for the kernel with less.
        memory=256 * MIB,
    ),
    GuestSpec("web", 2, Firmware.BIOS, (DiskSpec("vda", DiskFormat.QCOW2, 256 * MIB, Content.SYSTEM, 48 * MIB),)),
    GuestSpec(
        "files",
        3,
        Firmware.BIOS,
        (
            DiskSpec("vda", DiskFormat.QCOW2, 160 * MIB, Content.SYSTEM, 16 * MIB),
            DiskSpec("vdb", DiskFormat.RAW, 160 * MIB, Content.MANY_FILES, 48 * MIB),
        ),
    ),
    GuestSpec("archive", 4, Firmware.BIOS, (DiskSpec("vda", DiskFormat.QCOW2, 8 * GIB, Content.SYSTEM, 48 * MIB),)),
    GuestSpec(
        "shop",
        5,
        Firmware.BIOS,
        (DiskSpec("scsi0:0", DiskFormat.RAW, 192 * MIB, Content.SYSTEM, 32 * MIB),),
        home="vc-a",
    ),
    GuestSpec(
        "mail",
        6,
        Firmware.UEFI,
        (DiskSpec("scsi0:0", DiskFormat.RAW, 192 * MIB, Content.SYSTEM, 32 * MIB),),
        memory=256 * MIB,
        home="vc-a",
    ),
    GuestSpec(
        "mill",
        7,
        Firmware.UEFI,
        (DiskSpec("SCSI 0:0", DiskFormat.RAW, 192 * MIB, Content.SYSTEM, 32 * MIB),),
        memory=256 * MIB,
        home="hv-a",
    ),
    GuestSpec(
        "forge",
        8,
        Firmware.BIOS,
        (DiskSpec("IDE 0:0", DiskFormat.RAW, 192 * MIB, Content.SYSTEM, 32 * MIB),),
        home="hv-a",
    ),
)
NAMES = tuple(spec.name for spec in SPECS)
# Those that start on a KVM host: tests that need no other hypervisor take these alone.
ON_KVM = tuple(spec.name for spec in SPECS if spec.home.startswith("kvm-"))


def guest(topology: Topology, name: str) -> Guest:
    """:raises BadInputError: the lab knows no such machine."""
    found = spec(name)
    return Guest(found, topology.guest_mac(found.number), topology.guest_address(found.number))


def spec(name: str) -> GuestSpec:
    """:raises BadInputError: no machine of the lab is called so."""
    for known in SPECS:
        if known.name == name:
            return known
    raise BadInputError(f"The lab has no machine called {name!r}.", remedy=f"It has {', '.join(NAMES)}.")
