"""A machine of any kind in vSphere's words: what `define` makes, and `translated` tells beforehand.

Disks keep their order because vSphere lists them by controller: IDE first, then SCSI, SATA, NVMe. Where the buses of
the source would come in another order, all disks hang on paravirtual SCSI controllers, and the plan says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from drover.errors import OperatorNeededError
from drover.hypervisors.mapped import network_for, pool_for
from drover.hypervisors.port import TargetSettings
from drover.hypervisors.vsphere.devices import CONTROLLERS as KINDS
from drover.hypervisors.vsphere.place import Site, survey
from drover.hypervisors.vsphere.session import Session
from drover.model import Cpu, Disk, DiskFormat, Nic, PowerState, VirtualMachine

_RANKS = {"ide": 0, "scsi": 1, "sata": 2, "nvme": 3}
_USUAL = "pvscsi"
# The source's controller or bus, where vSphere has the very same or the one that takes its place.
_WORDS = {
    **{word: word for _, word in KINDS.values()},
    "virtio-scsi": _USUAL,
    "hyperv-scsi": _USUAL,
    "hyperv-ide": "ide",
    "sata": "ahci",
}
_BUS_OF = {word: bus for bus, word in KINDS.values()}
# Units of one controller, and how many controllers of a bus there may be. Unit 7 of SCSI is the controller itself.
_UNITS = {"scsi": (*range(7), *range(8, 16)), "sata": tuple(range(30)), "nvme": tuple(range(15)), "ide": (0, 1)}
_CONTROLLERS = {"scsi": 4, "sata": 4, "nvme": 4, "ide": 2}
_NICS = {
    "virtio": "vmxnet3",
    "vmxnet3-vrdma": "vmxnet3",
    "sriov": "vmxnet3",
    "hyperv": "vmxnet3",
    "hyperv-legacy": "e1000",
    "rtl8139": "e1000",
    **{model: model for model in ("vmxnet3", "vmxnet2", "e1000", "e1000e", "pcnet32")},
}
_MOST_NICS = 10
_MEMORY_STEP = 4 << 20
_DISK_STEP = 1 << 10


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a disk hangs. :param word: of the controller. :param number: of the controller, within its bus."""

    word: str
    number: int
    unit: int

    @property
    def bus(self) -> str:
        return _BUS_OF[self.word]

    @property
    def name(self) -> str:
        return f"{self.bus}{self.number}:{self.unit}"


def translated(session: Session, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
    """:raises OperatorNeededError: it cannot be made here: a mapping is missing, a setting cannot be kept."""
    return describe(machine, settings, survey(session))


def describe(machine: VirtualMachine, settings: TargetSettings, site: Site) -> VirtualMachine:
    """The machine as this vCenter will describe it."""
    _refuse_what_cannot_be_kept(machine)
    host = site.host_for(machine, settings)
    slots = slots_of(machine)
    names = dict(zip((disk.name for disk in machine.disks), (slot.name for slot in slots), strict=True))
    order = boot_names(machine, names)
    numbers = {name: number for number, name in enumerate(order, 1)}
    disks = tuple(
        _disk(machine, disk, slot, settings, site, numbers.get(slot.name))
        for disk, slot in zip(machine.disks, slots, strict=True)
    )
    nics = tuple(
        _nic(machine, nic, place, settings, site, numbers.get(nic.mac)) for place, nic in enumerate(machine.nics, 1)
    )
    return VirtualMachine(
        name=machine.name,
        uuid=machine.uuid,
        hypervisor="vsphere",
        host=host.name,
        state=PowerState.OFF,
        cpu=_cpu(machine),
        memory=machine.memory,
        firmware=machine.firmware,
        disks=disks,
        nics=nics,
        autostart=False,
        secure_boot=machine.secure_boot,
        boot_order=order,
        machine_type=hardware_version(machine, host.machine_types),
        ownership=settings.owner,
        guest_os=machine.guest_os,
        notes=machine.notes,
    )


def _refuse_what_cannot_be_kept(machine: VirtualMachine) -> None:
    if machine.memory % _MEMORY_STEP or not machine.memory:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has {machine.memory} bytes of memory, and vSphere gives it in steps of 4 MiB.",
            remedy="Give it a multiple of 4 MiB at the source first.",
        )
    for disk in machine.disks:
        if disk.size % _DISK_STEP or disk.size <= 0:
            raise OperatorNeededError(
                f"Disk {disk.name} of machine '{machine.name}' has {disk.size} bytes, and vSphere makes whole KiB.",
                remedy="Make it a little larger at the source first; see whether its image can be read.",
            )
    if len(machine.nics) > _MOST_NICS:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has {len(machine.nics)} network adapters, and vSphere gives it 10 at most.",
            remedy="Take some away at the source first.",
        )


def slots_of(machine: VirtualMachine) -> list[Slot]:
    """A place for each disk, in which vSphere lists them in their order."""
    words = [_WORDS.get(disk.controller or disk.bus, _USUAL) for disk in machine.disks]
    ranks = [_RANKS[_BUS_OF[word]] for word in words]
    slots = _fill(words) if ranks == sorted(ranks) else None
    slots = slots or _fill([_USUAL] * len(words))
    if slots is None:
        most = len(_UNITS["scsi"]) * _CONTROLLERS["scsi"]
        raise OperatorNeededError(
            f"Machine '{machine.name}' has {len(words)} disks, and vSphere gives it {most} at most.",
            remedy="Split it, or join disks inside the guest first.",
        )
    return slots


def _fill(words: Sequence[str]) -> list[Slot] | None:
    """Disks that follow each other share a controller of their kind; None where there are more than it takes."""
    slots: list[Slot] = []
    used = dict.fromkeys(_UNITS, 0)
    for word in words:
        bus = _BUS_OF[word]
        last = slots[-1] if slots else None
        at = _UNITS[bus].index(last.unit) + 1 if last is not None and last.word == word else 0
        if last is None or last.word != word or at == len(_UNITS[bus]):
            used[bus] += 1
            at = 0
        if used[bus] > _CONTROLLERS[bus]:
            return None
        slots.append(Slot(word, used[bus] - 1, _UNITS[bus][at]))
    return slots


def boot_names(machine: VirtualMachine, names: dict[str, str]) -> tuple[str, ...]:
    """The boot order by vSphere's names of disks and by MAC. What it can boot from no more is left out.

    :param names: of the disks, the source's to vSphere's. libvirt's old words name kinds of devices.
    """
    disks, macs = list(names.values()), [nic.mac for nic in machine.nics]
    found: list[str] = []
    for name in machine.boot_order:
        if name in names or name in macs:
            found.append(names.get(name, name))
        elif name == "hd":
            found += disks[:1]
        elif name == "network":
            found += macs[:1]
    return tuple(dict.fromkeys(found))


def hardware_version(machine: VirtualMachine, offered: Sequence[str]) -> str | None:
    """Its own where it has one and the host knows it; else the newest. None: the host decides."""
    if machine.machine_type in offered:
        return machine.machine_type
    return max(offered, default=None)


def _cpu(machine: VirtualMachine) -> Cpu:
    """vSphere has sockets and cores; threads count as cores."""
    cores = max(1, machine.cpu.cores * machine.cpu.threads)
    cores = cores if machine.cpu.count % cores == 0 else 1
    return Cpu(count=machine.cpu.count, sockets=machine.cpu.count // cores, cores=cores)


def _disk(
    machine: VirtualMachine, disk: Disk, slot: Slot, settings: TargetSettings, site: Site, order: int | None
) -> Disk:
    wanted = pool_for(machine, disk, settings)
    return Disk(
        name=slot.name,
        path=f"[{site.datastore(wanted).name}]",
        pool=wanted,
        format=DiskFormat.VMDK,
        size=disk.size,
        allocated=0,
        bus=slot.bus,
        boot_order=order,
        controller=slot.word,
    )


def _nic(machine: VirtualMachine, nic: Nic, place: int, settings: TargetSettings, site: Site, order: int | None) -> Nic:
    model = _NICS.get(nic.model)
    if model is None:
        raise OperatorNeededError(
            f"Network adapter {place} of machine '{machine.name}' is a '{nic.model}', which vSphere cannot give it.",
            remedy="Change it at the source while the machine is off, and see that the guest still boots.",
        )
    wanted = network_for(machine, nic.network, settings)
    site.network(wanted)
    return replace(nic, network=wanted, model=model, boot_order=order, address=None, more_addresses=())
