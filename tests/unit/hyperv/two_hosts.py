"""Two simulated Hyper-V hosts of one world, each a process of its own behind WinRM."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answers import foreign
from hyperv_peer import Peer, World

from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.port import TargetSettings
from drover.model import Disk, DiskFormat, Firmware, Ownership
from drover_lab.hyperv.world.runner import HyperV
from drover_lab.hyperv.world.store import add_host
from drover_lab.hyperv.world.store import world as state_of

MIB = 1 << 20
NAMES = ("HV-L", "HV-R")
PLACES = ({"prod": "production"}, {"default": "D:"})


@dataclass(frozen=True)
class Two:
    """Two hosts, and what may be changed of them."""

    folder: Path
    here: Peer
    there: Peer

    def set(self, name: str, **values: Any) -> None:
        with state_of(self.folder) as found:
            found["hosts"][name].update(values)

    def open(self, transport: str = "ntlm", peer: Peer | None = None) -> HypervHypervisor:
        return HypervHypervisor((peer or self.here).spec(transport, "https"))

    def target(self, transport: str = "ntlm") -> HypervHypervisor:
        return self.open(transport, self.there)

    def empty(self) -> None:
        for peer in (self.here, self.there):
            peer.ask("empty")


@contextmanager
def running(world: World) -> Iterator[Two]:
    with tempfile.TemporaryDirectory(prefix="drover-hv-") as name:
        folder = Path(name)
        peers = []
        try:
            for one in NAMES:
                add_host(folder, one)
                options = {"folder": name, "name": one, "patience": 1.0}
                runner = "drover_lab.hyperv.world.runner:HyperV"
                peers.append(world.host(one.lower(), runner=runner, runner_options=options))
            yield Two(folder, *peers)
            for peer in peers:
                assert peer.status()["unmodelled"] == []
                assert peer.shells == []
        finally:
            for peer in peers:
                peer.end()
            for one in NAMES:
                HyperV(name, one).reboot()


@contextmanager
def made_hosts(folder: Path) -> Iterator[Two]:
    """With a world of their own, for tests elsewhere; no login by Kerberos works there."""
    with running(World.make(folder)) as two:
        yield two


def run_machine(two: Two, name: str) -> None:
    """A small machine runs at the first one; both hosts are as they were in the beginning."""
    disk = Disk("vda", "/pool/a", "default", DiskFormat.QCOW2, 8 * MIB, 0, "virtio")
    machine = foreign(name=name, firmware=Firmware.BIOS, disks=(disk,), memory=64 * MIB, boot_order=())
    for host in NAMES:
        # Both computers may log in at each other, so that any login will do; logins by NTLM are the quickest.
        two.set(host, live_slots=2, live_speed=0, live=True, objections=[], live_login="Kerberos", delegation=True)
    owner = Ownership("wave", "run", name, machine.uuid, "target")
    with two.open() as here:
        here.define(machine, TargetSettings(*PLACES, owner))
        here.power_on(name)
