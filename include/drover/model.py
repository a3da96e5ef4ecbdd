"""What a migration is about: sites' hypervisors, their machines, disks and networks. Sizes are in bytes.

Frozen dataclasses throughout; `to_json` and `from_json` turn any of them into plain JSON values and back.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")


class PowerState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    OFF = "off"
    # Saved to disk, crashed, in transition: no state that a migration may start from.
    OTHER = "other"


class Firmware(StrEnum):
    BIOS = "bios"
    UEFI = "uefi"


class DiskFormat(StrEnum):
    """Named as qemu names them."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VMDK = "vmdk"
    VHDX = "vhdx"
    VHD = "vpc"


class Strategy(StrEnum):
    LIVE = "live"
    WARM = "warm"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class Disk:
    """One virtual disk. Disks of source and target are paired by their place in the machine, never by name.

    :param name: the hypervisor's own name, unique in the machine: libvirt's `vda`, vSphere's `scsi0:0`.
    :param path: where the image lies on its host.
    :param bus: `virtio`, `scsi`, `sata`, `ide`, `nvme` or `usb`.
    :param controller: `virtio-scsi`, `pvscsi`, `lsilogic`, `lsisas1068`, `buslogic`, `ahci`, `ide`, `nvme`,
        `hyperv-scsi` or `hyperv-ide`; None where the disk hangs on none (virtio), or it is not known.
    :param independent: snapshots leave it out, so it cannot be read at one moment while the machine runs.
    :param raw_mapping: it stands for a LUN or a physical disk, not for a file (RDM, pass-through).
    :param size: what the guest sees, bytes.
    :param allocated: what the image takes up on its host, bytes.
    :param backing: path of the image it lies upon, if any.
    """

    name: str
    path: str
    pool: str | None
    format: DiskFormat
    size: int
    allocated: int
    bus: str
    backing: str | None = None
    serial: str | None = None
    boot_order: int | None = None
    read_only: bool = False
    shared: bool = False
    controller: str | None = None
    independent: bool = False
    raw_mapping: bool = False


@dataclass(frozen=True, slots=True)
class Nic:
    """One network adapter.

    :param mac: lower case, with colons.
    :param network: the hypervisor's name of it.
    :param model: `virtio`, `e1000`, `e1000e`, `vmxnet3`, `vmxnet2`, `pcnet32`, `rtl8139`, `hyperv`, `hyperv-legacy` or
        `sriov`, or the hypervisor's own word where it is none of these.
    :param address: the guest's, where the platform tells one; None where it does not, or the guest is off.
    :param more_addresses: those beside it.
    """

    mac: str
    network: str
    model: str
    boot_order: int | None = None
    address: str | None = None
    more_addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cpu:
    """:param model: the model the guest sees; None where the hypervisor's default applies."""

    count: int
    model: str | None = None
    sockets: int = 1
    cores: int = 1
    threads: int = 1
    mode: str | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ownership:
    """The tag that Drover leaves on what it made, so that a retry knows its own and touches nothing else.

    :param role: at the target `target` while it was made and never let run, `started` from when it may run on the
        production network, `committed` when the move is final, `kept` when it ran and was rolled back; at the source
        `migrated` when the move is final, `returned` when that was taken back, `retiring` while a decommission removes
        it; `restored` what was brought back from a backup. Only a `target` is ever written or removed by a wave.
    """

    wave: str
    run: str
    machine: str
    source_uuid: str
    role: str

    def same_machine(self, other: "Ownership") -> bool:
        """Whether both are of one machine in one wave, whatever the run and the role."""
        return (self.wave, self.machine, self.source_uuid) == (other.wave, other.machine, other.source_uuid)


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """Everything that a migration needs to know of a machine, as one hypervisor tells it.

    :param hypervisor: the kind: `libvirt`, `vsphere`, `hyperv`. Only the same kind may read `native`; another builds
        the machine from all the rest.
    :param host: the name of one of the hypervisor's hosts.
    :param memory: bytes.
    :param disks: in the hypervisor's own stable order (controller, unit).
    :param native: the hypervisor's own definition (libvirt's inactive XML), kept for backup and translation.
    :param devices: what is attached beyond disks and NICs and cannot simply move: `hostdev`, `usb`, `tpm`, ...
    :param guest_os: the platform's name or id of the guest's system.
    :param guest_tools: `running`, `not running` or `not installed`; None where the platform has none or does not know.
    :param changed_blocks: whether the platform keeps track of changed blocks; None where it cannot.
    :param id: the platform's own id of the object (a moId): a name may be changed between plan and run.
    :param notes: what people wrote about it at the platform, without Drover's own tag; None where nothing.
    :param domain_controller: whether the guest says that it is one of Active Directory; None where nobody could tell.
    """

    name: str
    uuid: str
    hypervisor: str
    host: str
    state: PowerState
    cpu: Cpu
    memory: int
    firmware: Firmware
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    autostart: bool
    secure_boot: bool = False
    snapshots: tuple[str, ...] = ()
    boot_order: tuple[str, ...] = ()
    machine_type: str | None = None
    devices: tuple[str, ...] = ()
    ownership: Ownership | None = None
    native: str = field(default="", repr=False)
    guest_os: str | None = None
    guest_tools: str | None = None
    fault_tolerant: bool = False
    consolidation_needed: bool = False
    template: bool = False
    changed_blocks: bool | None = None
    id: str | None = None
    notes: str | None = field(default=None, repr=False)
    domain_controller: bool | None = None


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    active: bool
    # The Linux bridge or switch behind it, where there is one.
    bridge: str | None = None
    isolated: bool = False


@dataclass(frozen=True, slots=True)
class StoragePool:
    """:param path: the folder behind it. :param capacity: bytes. :param available: bytes."""

    name: str
    path: str
    active: bool
    capacity: int
    available: int


@dataclass(frozen=True, slots=True)
class Host:
    """A hypervisor host, or what a connection to several offers in all.

    :param clock: seconds since the epoch by its own clock, when it was asked.
    :param in_maintenance: no machine may be started there.
    :param id: what the platform calls it, the same by whatever name it is reached; None where it has no such thing.
    :param numa_nodes: how many parts its memory has; None where nobody could tell.
    :param cluster: which the host is in; None where it is in none.
    """

    name: str
    hypervisor: str
    version: str
    cpus: int
    cpu_model: str | None
    memory: int
    memory_free: int
    clock: float
    machine_types: tuple[str, ...] = ()
    firmwares: tuple[Firmware, ...] = ()
    in_maintenance: bool = False
    id: str | None = None
    numa_nodes: int | None = None
    cluster: str | None = None


class Category(StrEnum):
    CRITICAL = "Critical"
    WARNING = "Warning"
    INFORMATION = "Information"


@dataclass(frozen=True, slots=True)
class Concern:
    """A pre-flight finding. :param id: stable and dotted. :param assessment: found, why it matters, what to do."""

    id: str
    category: Category
    label: str
    assessment: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a step is. :param done: bytes. :param total: bytes, 0 where unknown. :param rate: bytes a second."""

    label: str
    done: int
    total: int
    rate: float = 0.0


@cache
def _adapter(kind: Hashable) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(cast(Any, kind))


def to_json(value: Any) -> Any:
    """A dataclass of this package as values that `json` can write."""
    return _adapter(cast(Hashable, type(value))).dump_python(value, mode="json")


def from_json(kind: type[T], value: Any) -> T:
    """The opposite of `to_json`; raises `pydantic.ValidationError` where the value does not fit."""
    result: T = _adapter(cast(Hashable, kind)).validate_python(value)
    return result
