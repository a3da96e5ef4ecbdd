"""A machine of any kind in Hyper-V's words: what `define` makes, and `translated` tells beforehand.

Firmware decides the generation, for good: BIOS is generation 1, whose first four disks hang on IDE, because it can
boot from nothing else; UEFI is generation 2, which has SCSI alone.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath
from typing import Any

from drover.errors import OperatorNeededError
from drover.evidence.files import safe_name
from drover.hypervisors.hyperv import scripts, site
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.mapped import network_for, pool_for
from drover.hypervisors.port import TargetSettings
from drover.model import Cpu, Disk, DiskFormat, Firmware, Host, Network, Nic, PowerState, StoragePool, VirtualMachine

# What Microsoft signs for other systems than Windows.
LINUX_TEMPLATE = "MicrosoftUEFICertificateAuthority"
WINDOWS_TEMPLATE = "MicrosoftWindows"
_SCSI, _IDE = "SCSI", "IDE"
_UNITS = {_SCSI: 64, _IDE: 2}
_CONTROLLERS = {_SCSI: 4, _IDE: 2}
# Windows Server 2016: the first whose cmdlets take what the scripts give them.
_OLDEST = (10, 0, 14393)
_MEMORY_STEP = 2 << 20
_DISK_STEP = 512
_LEAST_DISK = 3 << 20
_MOST_NICS = {1: 12, 2: 8}
_NICS = {
    "hyperv": "hyperv",
    "hyperv-legacy": "hyperv-legacy",
    **dict.fromkeys(("virtio", "vmxnet3", "vmxnet2", "e1000", "e1000e", "sriov"), "hyperv"),
    # A DEC 21140: what systems that know these two are most likely to know as well.
    **dict.fromkeys(("pcnet32", "rtl8139"), "hyperv-legacy"),
}


@dataclass(frozen=True)
class Offer:
    """What a host offers to a machine that comes."""

    host: Host
    name: str
    pools: Mapping[str, StoragePool]
    networks: Mapping[str, Network]

    def pool(self, name: str) -> StoragePool:
        found = self.pools.get(name)
        if found is None:
            raise OperatorNeededError(
                f"The storage '{name}' does not exist on {self.name}.",
                remedy=f"Map it to one of its volumes: {', '.join(sorted(self.pools)) or 'there is none'}.",
            )
        return found

    def network(self, name: str) -> str:
        if name not in self.networks:
            raise OperatorNeededError(
                f"The virtual switch '{name}' does not exist on {self.name}.", remedy="Make it, or map another one."
            )
        return name


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a disk hangs: `SCSI 0:1`."""

    controller: str
    number: int
    location: int

    @property
    def name(self) -> str:
        return f"{self.controller} {self.number}:{self.location}"

    @property
    def file(self) -> str:
        return f"{self.controller.lower()}{self.number}-{self.location}.vhdx"


def survey(session: Session) -> Offer:
    """Asks the host."""
    answer = scripts.run_one(session, "host")
    pools = site.pools_of(scripts.run(session, "volumes"), answer["diskFolder"])
    networks = site.networks(session)
    return Offer(
        host=site.host_of(answer),
        name=session.target.host,
        pools={pool.name: pool for pool in pools},
        networks={network.name: network for network in networks},
    )


def translated(session: Session, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
    """:raises OperatorNeededError: it cannot be made here: a mapping is missing, a setting cannot be kept."""
    return describe(machine, settings, survey(session))


def describe(machine: VirtualMachine, settings: TargetSettings, offer: Offer) -> VirtualMachine:
    """The machine as this host will describe it."""
    _refuse_what_cannot_be_kept(machine, settings, offer)
    slots = slots_of(machine)
    names = dict(zip((disk.name for disk in machine.disks), (slot.name for slot in slots), strict=True))
    disks = tuple(_disk(machine, *pair, settings, offer) for pair in zip(machine.disks, slots, strict=True))
    nics = tuple(_nic(machine, nic, place, settings, offer) for place, nic in enumerate(machine.nics, 1))
    return VirtualMachine(
        name=machine.name,
        uuid=machine.uuid,
        hypervisor="hyperv",
        host=offer.host.name,
        state=PowerState.OFF,
        cpu=Cpu(count=machine.cpu.count, sockets=1, cores=machine.cpu.count),
        memory=machine.memory,
        firmware=machine.firmware,
        disks=disks,
        nics=nics,
        autostart=False,
        secure_boot=machine.secure_boot,
        boot_order=_boot_order(machine, names, disks, nics),
        machine_type=version(machine, offer),
        ownership=settings.owner,
    )


def generation(machine: VirtualMachine) -> int:
    return 2 if machine.firmware is Firmware.UEFI else 1


def version(machine: VirtualMachine, offer: Offer) -> str | None:
    """The configuration version: its own where the host knows it, else the newest. None: the host decides."""
    known = offer.host.machine_types
    if machine.hypervisor == "hyperv" and machine.machine_type in known:
        return machine.machine_type
    # Windows lists versions for tests as well, which are larger than any real one.
    real = [one for one in known if _number(one) < (200, 0)]
    return max(real, key=_number, default=None)


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def native(machine: VirtualMachine) -> Mapping[str, Any]:
    """What Hyper-V itself said of the machine; empty where another platform told of it."""
    found: Mapping[str, Any] = json.loads(machine.native) if machine.hypervisor == "hyperv" and machine.native else {}
    return found


def template(machine: VirtualMachine) -> str:
    """Whose signatures the firmware trusts; empty without Secure Boot."""
    if not machine.secure_boot:
        return ""
    own = str(native(machine).get("template", ""))
    system = (machine.guest_os or "").lower()
    return own or (WINDOWS_TEMPLATE if system.startswith("win") or "windows" in system else LINUX_TEMPLATE)


def _refuse_what_cannot_be_kept(machine: VirtualMachine, settings: TargetSettings, offer: Offer) -> None:
    if settings.host is not None and settings.host not in (offer.name, offer.host.name):
        raise OperatorNeededError(
            f"There is no host '{settings.host}' behind the connection to {offer.name}, which is one Hyper-V host.",
            remedy="Leave 'host' out of the wave, or name another target.",
        )
    if _number(offer.host.version) < _OLDEST:
        raise OperatorNeededError(
            f"Windows on {offer.name} is {offer.host.version}; Drover needs Windows Server 2016 "
            f"({'.'.join(map(str, _OLDEST))}) or newer there.",
            remedy="Name another target, or upgrade this one.",
        )
    if machine.memory % _MEMORY_STEP or not machine.memory:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has {machine.memory} bytes of memory, and Hyper-V gives it in steps of 2 MiB.",
            remedy="Give it a multiple of 2 MiB at the source first.",
        )
    for disk in machine.disks:
        if disk.size % _DISK_STEP or disk.size < _LEAST_DISK:
            raise OperatorNeededError(
                f"Disk {disk.name} of machine '{machine.name}' has {disk.size} bytes; Hyper-V makes whole sectors, "
                "3 MiB at least.",
                remedy="Make it larger at the source first; see whether its image can be read.",
            )
    most = _MOST_NICS[generation(machine)]
    if len(machine.nics) > most:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has {len(machine.nics)} network adapters, and Hyper-V gives it {most} at most.",
            remedy="Take some away at the source first.",
        )


def slots_of(machine: VirtualMachine) -> list[Slot]:
    """In the machine's order, which is also the order in which Hyper-V lists them."""
    count = len(machine.disks)
    ide = 0
    if generation(machine) == 1:
        ide = min(count, _UNITS[_IDE] * _CONTROLLERS[_IDE])
    if count - ide > _UNITS[_SCSI] * _CONTROLLERS[_SCSI]:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has {count} disks, and Hyper-V gives it "
            f"{ide + _UNITS[_SCSI] * _CONTROLLERS[_SCSI]} at most.",
            remedy="Split it, or join disks inside the guest first.",
        )
    own = _own_slots(machine)
    if own is not None:
        return own
    return [_slot(_IDE, at) for at in range(ide)] + [_slot(_SCSI, at) for at in range(count - ide)]


def _own_slots(machine: VirtualMachine) -> list[Slot] | None:
    """A machine of Hyper-V keeps its places."""
    if machine.hypervisor != "hyperv":
        return None
    found = []
    for disk in machine.disks:
        controller, _, place = disk.name.partition(" ")
        number, _, location = place.partition(":")
        if controller not in _UNITS or not (number.isdigit() and location.isdigit()):
            return None
        found.append(Slot(controller, int(number), int(location)))
    return found


def all_slots() -> list[Slot]:
    """Wherever a disk can hang."""
    kinds = (_IDE, _SCSI)
    return [Slot(kind, n, at) for kind in kinds for n in range(_CONTROLLERS[kind]) for at in range(_UNITS[kind])]


def _slot(controller: str, at: int) -> Slot:
    number, location = divmod(at, _UNITS[controller])
    return Slot(controller, number, location)


def folder_of(machine: VirtualMachine, pool: StoragePool) -> PureWindowsPath:
    """Where Drover puts what belongs to the machine: by its name and its UUID, so that two never share one."""
    return PureWindowsPath(pool.path) / f"drover-{safe_name(machine.name)}-{machine.uuid[:8]}"


def _disk(machine: VirtualMachine, disk: Disk, slot: Slot, settings: TargetSettings, offer: Offer) -> Disk:
    wanted = pool_for(machine, disk, settings)
    ide = slot.controller == _IDE
    return Disk(
        name=slot.name,
        path=str(folder_of(machine, offer.pool(wanted)) / slot.file),
        pool=wanted,
        format=DiskFormat.VHDX,
        size=disk.size,
        allocated=0,
        bus="ide" if ide else "scsi",
        controller="hyperv-ide" if ide else "hyperv-scsi",
    )


def _nic(machine: VirtualMachine, nic: Nic, place: int, settings: TargetSettings, offer: Offer) -> Nic:
    model = _NICS.get(nic.model)
    if model is None:
        raise OperatorNeededError(
            f"Network adapter {place} of machine '{machine.name}' is a '{nic.model}', which Hyper-V cannot give it.",
            remedy="Change it at the source while the machine is off, and see that the guest still boots.",
        )
    if generation(machine) == 2:
        model = "hyperv"  # It has no other one.
    wanted = network_for(machine, nic.network, settings)
    return replace(nic, network=offer.network(wanted), model=model, boot_order=None, address=None, more_addresses=())


def _boot_order(
    machine: VirtualMachine, names: Mapping[str, str], disks: Sequence[Disk], nics: Sequence[Nic]
) -> tuple[str, ...]:
    """The boot order by Hyper-V's names of disks and by MAC. libvirt's old words name kinds of devices."""
    macs = [nic.mac for nic in nics]
    found: list[str] = []
    for name in machine.boot_order:
        if name in names or name in macs:
            found.append(names.get(name, name))
        elif name == "hd":
            found += [disk.name for disk in disks[:1]]
        elif name == "network":
            found += macs[:1]
    if generation(machine) == 2:
        # It lists every device; those that the source does not start from come last.
        return tuple(dict.fromkeys([*found, *(disk.name for disk in disks), *macs]))
    return _of_generation_1(disks, nics)


def _of_generation_1(disks: Sequence[Disk], nics: Sequence[Nic]) -> tuple[str, ...]:
    """It knows kinds alone, and always all of them: CD, IDE, the legacy adapter, floppy."""
    legacy = [nic.mac for nic in nics if nic.model == "hyperv-legacy"]
    return tuple([disk.name for disk in disks[:1] if disk.bus == "ide"] + legacy[:1])
