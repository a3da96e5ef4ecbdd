"""A whole simulated host: real WinRM, our own scripts, a real SMB server, real VHDX files; and a machine that comes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from answers import foreign
from hyperv_peer import PASSWORD, Peer, World
from samba import Samba

from drover.errors import RetryableError
from drover.hypervisors import registry
from drover.hypervisors.port import Hypervisor, TargetSettings
from drover.model import Disk, DiskFormat, Firmware, Ownership, VirtualMachine
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.store import Host, State, add_host
from drover_lab.hyperv.world.store import world as states

MIB = 1 << 20


@dataclass(frozen=True)
class Place:
    """:param world: the folder with the state of the host. :param drives: its drives, as folders."""

    peer: Peer
    samba: Samba
    world: Path
    drives: Path

    def open(self, **changes: object) -> Hypervisor:
        own = {"smb_port": self.samba.port, "trial_jump": "nobody@127.0.0.1"}
        return registry.connect(self.peer.spec("ntlm", "https", **(own | changes)))

    def listens(self) -> bool:
        try:
            with self.open() as hypervisor:
                return bool(hypervisor.host().name)
        except RetryableError:
            return False

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.drives)) for path in self.drives.rglob("*") if path.is_file())

    def file(self, path: str) -> Path:
        """What the host calls so."""
        return self.drives / path[0] / path[3:].replace("\\", "/")

    def kept(self) -> State:
        """The one machine, as the world keeps it."""
        with states(self.world) as found:
            (host,) = found["hosts"].values()
            (one,) = host["machines"].values()
            return dict(one)

    def monitor(self) -> AbstractContextManager[qemu.Monitor]:
        """Of that machine's process."""
        return qemu.monitor(Host(self.world, self.drives.parent.name, {}, ("", "")), self.kept())


@contextmanager
def running(world: World, folder: Path, name: str, *, patience: float = 1.0) -> Iterator[Place]:
    """In the end no shell is open, and nothing was asked that is not modelled.

    :param patience: seconds that a guest has to shut down.
    """
    add_host(folder / "w", name.upper())
    drives = folder / "w" / name.upper() / "drives"
    options = {"folder": str(folder / "w"), "name": name.upper(), "patience": patience}
    samba = Samba(folder / "s", volume=drives / "D", password=PASSWORD)
    try:
        peer = world.host(name, runner="drover_lab.hyperv.world.runner:HyperV", runner_options=options)
        try:
            yield Place(peer, samba, folder / "w", drives)
            status = peer.status()
            assert status["unmodelled"] == []
            assert status["shells"] == []
        finally:
            peer.end()
    finally:
        samba.stop()


def source(name: str = "web", firmware: Firmware = Firmware.UEFI) -> VirtualMachine:
    disks = tuple(
        Disk(f"vd{letter}", f"/pool/{letter}", "default", DiskFormat.QCOW2, size * MIB, 0, "virtio")
        for letter, size in (("a", 24), ("b", 8))
    )
    return foreign(name=name, firmware=firmware, disks=disks, memory=64 * MIB, boot_order=("vda",))


def settings(machine: VirtualMachine) -> TargetSettings:
    owner = Ownership("wave", "run", machine.name, machine.uuid, "target")
    return TargetSettings({"prod": "production"}, {"default": "D:"}, owner)


def kept(machine: VirtualMachine) -> VirtualMachine:
    """Without what only the platform itself can know, or gives every machine unasked."""
    disks = tuple(replace(disk, allocated=0) for disk in machine.disks)
    words = tuple(word for word in machine.devices if word != "stop-action Save")
    return replace(machine, id=None, native="", disks=disks, guest_tools=None, devices=words)
