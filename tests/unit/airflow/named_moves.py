"""A simulated Hyper-V host, a simulated vCenter and real KVM hosts, with connections that are called after their kinds.

The machines made there are called like orders and run: their boot sector is their whole operating system.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import paramiko
import pytest
from named_hosts import CANARY, VCenter, Wire, require_words, vcenter_process

sys.path.append(str(Path(__file__).parents[1] / "hyperv"))
sys.path.append(str(Path(__file__).parents[2] / "lab" / "stages"))
from hyperv_peer import World  # noqa: E402
from hyperv_place import Place, running  # noqa: E402
from movers import contents, fill, kvm_machine, settings  # noqa: E402
from pebble import BOOT, SECTOR  # noqa: E402

from drover.hypervisors.connection import ConnectionSpec  # noqa: E402
from drover.model import Firmware  # noqa: E402
from drover_airflow.hooks.base import HypervisorHook  # noqa: E402
from drover_lab import connections  # noqa: E402
from drover_lab import lab as labs  # noqa: E402
from drover_lab.lab import Lab  # noqa: E402
from drover_lab.process import wait_until  # noqa: E402

MIB = 1 << 20
STORAGE = {"hyperv": "D:", "vsphere": "datastore1", "libvirt": "default"}
_KVM = "kvm-a"
_DISK = BOOT.ljust(SECTOR - 2, b"\0") + b"\x55\xaa" + bytes(4 * MIB - SECTOR)


class Ssh:
    """Every command that left for a KVM host, as paramiko was given it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands: list[str] = []
        send = paramiko.Channel.exec_command

        def exec_command(channel: paramiko.Channel, command: str) -> None:
            self.commands.append(command)
            send(channel, command)

        monkeypatch.setattr(paramiko.Channel, "exec_command", exec_command)


@dataclass(frozen=True)
class Hosts:
    place: Place
    center: VCenter
    lab: Lab

    def specs(self) -> tuple[ConnectionSpec, ...]:
        jump = {"trial_jump": "nobody@127.0.0.1"}
        center = self.center.spec()
        return (
            self.place.peer.spec("ntlm", "https", smb_port=self.place.samba.port, **jump),
            replace(center, extra={**center.extra, **jump}),
            self.kvm,
        )

    @property
    def kvm(self) -> ConnectionSpec:
        return connections.spec(self.lab, _KVM)

    def images(self) -> list[str]:
        """Of the KVM host."""
        folder = self.lab.topology.host(_KVM).folder / "var-lib-libvirt" / "images"
        return sorted(path.name for path in folder.iterdir())

    def require_nothing_run(self) -> None:
        """Nor at a KVM host, whose logins begin in a folder of its own, and whose daemons work in the root."""
        found = [*Path("/").glob(CANARY), *self.lab.topology.host(_KVM).folder.rglob(CANARY)]
        assert found == [], "a name was run as a command"
        assert self.place.peer.status()["unmodelled"] == []


@dataclass(frozen=True)
class Seen:
    hosts: Hosts
    wire: Wire
    ssh: Ssh


@contextmanager
def made_hosts(folder: Path, lab: str) -> Iterator[Hosts]:
    """:param lab: what it is called."""
    for name in ("world", "place", "vc"):
        (folder / name).mkdir()
    try:
        with (
            running(World.make(folder / "world"), folder / "place", "hv-n", patience=20.0) as place,
            vcenter_process(folder / "vc") as center,
        ):
            yield Hosts(place, center, labs.up(lab, machine_names=()))
            place.peer.ask("empty")
    finally:
        labs.down(lab)


@contextmanager
def watched(hosts: Hosts, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    """All connections; in the end, nothing was executed, and nothing was sent but data."""
    seen = Seen(hosts, Wire(monkeypatch), Ssh(monkeypatch))
    for spec in hosts.specs():
        values = {name: getattr(spec, name) for name in ("host", "port", "login", "password", "extra")}
        monkeypatch.setenv(f"AIRFLOW_CONN_{spec.kind.upper()}", json.dumps({"conn_type": spec.kind, **values}))
    monkeypatch.setenv("DROVER_STAGING", str(folder / "staging"))
    monkeypatch.chdir(folder)
    yield seen
    assert not list(folder.rglob(CANARY)), "a name was run as a command"
    hosts.require_nothing_run()
    seen.wire.require_data()
    require_words(seen.ssh.commands)


def make(kind: str, name: str, folder: Path) -> None:
    """A machine runs that an earlier move brought there. Without adapters: not every network here leads anywhere."""
    came_from = "vsphere" if kind == "libvirt" else "libvirt"
    machine = kvm_machine(
        name,
        uuid=str(uuid5(NAMESPACE_DNS, name)),
        hypervisor=came_from,
        firmware=Firmware.BIOS,
        nics=(),
        boot_order=(),
        native="",
    )
    machine = replace(machine, disks=(replace(machine.disks[0], size=len(_DISK), allocated=MIB),))
    wanted = settings(machine, pool=STORAGE[kind], host="esx-t1" if kind == "vsphere" else None)
    with HypervisorHook(kind).get_conn() as here:
        here.define(machine, wanted)
        fill(here, name, wanted.owner, [_DISK], folder)
        here.tag(name, replace(wanted.owner, role="committed"))
        here.power_on(name)
        wait_until(f"the machine runs on {kind}", lambda: _counts(here, name), deadline=120)


def _counts(here: Any, name: str) -> bool:
    """Once it has counted its boots, it hears the power button."""
    with here.read_disks(name) as disks:
        (disk,) = contents(disks)
    return any(disk[SECTOR : 2 * SECTOR])
