"""Names that somebody could take for something else reach libvirt and the host's shell as data, or are refused.

libvirt's own test driver stands for the host, and the commands that would go over SSH are given to a real shell here.
"""

import io
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import libvirt
import pytest

from drover.errors import BadInputError, DroverError, OperatorNeededError
from drover.hypervisors.libvirt import translate
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.libvirt.ssh import Ssh
from drover.hypervisors.libvirt.translate import Site
from drover.hypervisors.port import Hypervisor, TargetSettings
from drover.model import Cpu, Disk, DiskFormat, Firmware, Network, Ownership, PowerState, StoragePool, VirtualMachine

NASTY = (
    "'; touch canary #", "$(touch canary)", "`touch canary`", '"; touch canary; "', "&& touch canary", "[a]*", "-rf",
    "Müller's – 🐑", "<name> & ]]>", "%2e%2e%2f", "\\n", "a\tb",
)  # fmt: skip
REFUSED = ("two\nlines", "a/b", "../up")


class Channel:
    """One command, run by a shell, as sshd has it run."""

    def __init__(self, folder: Path, seen: list[str]) -> None:
        self.folder, self.seen = folder, seen
        self.status_event = threading.Event()
        self.exit_status = 0
        self._input, self._out, self._err = b"", io.BytesIO(), io.BytesIO()

    def exec_command(self, command: str) -> None:
        self._command = command
        self.seen.append(command)

    def sendall(self, data: bytes) -> None:
        self._input += data

    def shutdown_write(self) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", self._command], input=self._input, capture_output=True, cwd=self.folder, check=False
        )
        self.exit_status = done.returncode
        self._out, self._err = io.BytesIO(done.stdout), io.BytesIO(done.stderr)
        self.status_event.set()

    def settimeout(self, _seconds: float) -> None:
        """It never waits."""

    def recv(self, count: int) -> bytes:
        return self._out.read(count)

    def recv_stderr(self, count: int) -> bytes:
        return self._err.read(count)

    def recv_stderr_ready(self) -> bool:
        return self._err.tell() < len(self._err.getvalue())

    def close(self) -> None:
        """Nothing is open."""


class Transport:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[str] = []

    def open_session(self, timeout: float) -> Channel:
        return Channel(self.folder, self.seen)

    def is_active(self) -> bool:
        return True


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.transport = Transport(folder)
        connection = object.__new__(Connection)
        ssh: Any = object.__new__(Ssh)
        ssh.host, ssh.transport = "kvm-t", self.transport
        connection.ssh, connection.name, connection.live_errors = ssh, "kvm-t", {}
        connection.libvirt = libvirt.open("test:///default")
        hypervisor = object.__new__(LibvirtHypervisor)
        hypervisor.connection = connection
        self.connection, self.hypervisor = connection, hypervisor

    def define(self, name: str) -> None:
        """By the product's own XML, with a disk whose file is called after the machine, as the product calls it."""
        disk = Disk("vda", "/there/vda", "default", DiskFormat.QCOW2, 1 << 20, 0, "virtio")
        machine = replace(MACHINE, name=name, disks=(disk,))
        pools = {"default": StoragePool("default", str(self.folder), True, 1 << 40, 1 << 40)}
        site = Site("kvm-t", pools, {"net": Network("net", True, None)}, frozenset({"net"}), "test")
        settings = TargetSettings({}, {"default": "default"}, owner(name))
        with self.connection.errors():
            self.connection.libvirt.defineXML(translate.definition(machine, settings, site))
        (volume,) = translate.volumes(machine, settings, site)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "--", volume.path, "1M"], check=True)


MACHINE = VirtualMachine(
    name="", uuid="42110d5a-6f0e-4a52-9d4e-1f0a5b6c7d8e", hypervisor="vsphere", host="esx-1", state=PowerState.OFF,
    cpu=Cpu(1), memory=64 << 20, firmware=Firmware.BIOS, disks=(), nics=(), autostart=False,
)  # fmt: skip


def owner(name: str) -> Ownership:
    return Ownership(name, "run", name, MACHINE.uuid, "target")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    libvirt.registerErrorHandler(lambda *_: None, None)
    made = Host(tmp_path)
    yield made
    made.connection.libvirt.close()
    assert not list(tmp_path.rglob("canary")), "a name was run as a command"
    assert not Path("canary").exists()


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_data_through_every_call(host: Host, name: str) -> None:
    host.define(name)
    hypervisor: Hypervisor = host.hypervisor
    found = hypervisor.machine(name)
    assert (found.name, found.ownership) == (name, owner(name))
    assert hypervisor.find(name) is not None
    assert name in [one.name for one in hypervisor.machines()]
    # The host's own programs found the file that is called like it.
    assert host.transport.seen
    assert [disk.size for disk in found.disks] == [1 << 20]
    assert found.devices == ("console serial pty",)
    hypervisor.power_on(name)
    assert hypervisor.power_state(name) is PowerState.RUNNING
    hypervisor.power_off(name)
    hypervisor.set_autostart(name, True)
    assert hypervisor.machine(name).autostart
    tag = replace(owner(name), role=name)
    hypervisor.tag(name, tag)
    assert hypervisor.machine(name).ownership == tag
    with pytest.raises(OperatorNeededError):
        hypervisor.remove(name, owner(name))


@pytest.mark.parametrize("name", REFUSED)
def test_what_libvirt_takes_for_no_name_is_refused_in_words(host: Host, name: str) -> None:
    with pytest.raises(DroverError) as caught:
        host.define(name)
    assert "kvm-t" in caught.value.message


@pytest.mark.parametrize("name", NASTY + REFUSED)
def test_a_machine_that_is_not_there_is_named_as_it_was_asked_for(host: Host, name: str) -> None:
    hypervisor = host.hypervisor
    assert hypervisor.find(name) is None
    for call in (hypervisor.machine, hypervisor.power_state, hypervisor.power_on, hypervisor.power_off):
        with pytest.raises(BadInputError, match="There is no machine named"):
            call(name)
    assert host.transport.seen == []


def test_what_is_not_quoted_would_be_seen(tmp_path: Path) -> None:
    channel = Channel(tmp_path, [])
    channel.exec_command("ls $(touch canary)")
    channel.shutdown_write()
    assert [path.name for path in tmp_path.iterdir()] == ["canary"]
