"""Hosts of every kind with machines that are called like orders, and what tells whether an order was carried out.

A canary appears in the working folder if any shell takes a name for a command; all that is sent over WinRM and SSH is
kept.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import pytest

for folder in ("hyperv", "hypervisors/vsphere", "hypervisors/libvirt"):
    sys.path.append(str(Path(__file__).parents[1] / folder))
from answers import foreign  # noqa: E402
from movers import kvm_machine, settings  # noqa: E402
from test_libvirt_names import MACHINE, Host  # noqa: E402
from two_hosts import PLACES, Two, made_hosts, run_machine  # noqa: E402
from vcenter_process import VCenter  # noqa: E402

from drover.hypervisors.connection import ConnectionSpec  # noqa: E402
from drover.hypervisors.hyperv import bootstrap, scripts  # noqa: E402
from drover.hypervisors.hyperv.folders import export_to  # noqa: E402
from drover.hypervisors.libvirt import translate  # noqa: E402
from drover.hypervisors.libvirt.translate import Site  # noqa: E402
from drover.hypervisors.port import TargetSettings  # noqa: E402
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor  # noqa: E402
from drover.model import Disk, DiskFormat, Firmware, Network, Nic, Ownership, StoragePool  # noqa: E402
from drover.ovf.exporting import export_machine  # noqa: E402

MIB = 1 << 20
CANARY = "canary"
# In PowerShell's quotes, in a shell's double ones, in its backticks, and on a line of its own.
NAMES = {
    "quote": "'; Stop-Computer; touch canary #",
    "subexpression": "$(id; touch canary)",
    "backticks": "`touch canary`",
    "newlines": "one\ntouch canary\nStop-Computer\n",
}
# One that runs, and one that is off and was exported.
PLAIN, EXPORTED = "plain", "exported"
FOLDER = f"D:\\Exports\\{EXPORTED}"
_NODE = """<node><network><name>production</name><bridge name="virbr0"/></network>
<pool type="dir"><name>default</name><target><path>{folder}</path></target></pool></node>"""


class Wire:
    """Everything that left for a Windows host, as pywinrm was given it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from winrm.protocol import Protocol

        self.lines: list[tuple[str, tuple[str, ...]]] = []
        self._input: dict[str, bytes] = {}
        command, feed = Protocol.run_command, Protocol.send_command_input

        def run_command(protocol: Any, shell: str, line: str, arguments: Any = (), **named: Any) -> Any:
            self.lines.append((line, tuple(arguments)))
            return command(protocol, shell, line, arguments, **named)

        def send_command_input(protocol: Any, shell: str, order: str, data: bytes, **named: Any) -> None:
            self._input[order] = self._input.get(order, b"") + data
            feed(protocol, shell, order, data, **named)

        monkeypatch.setattr(Protocol, "run_command", run_command)
        monkeypatch.setattr(Protocol, "send_command_input", send_command_input)

    def told(self, text: str) -> bool:
        """Whether a parameter held this text, whole or within."""
        return any(text in each for document in self._documents() for each in _texts(document["parameters"]))

    def require_data(self) -> None:
        """One command line, and the reviewed scripts letter for letter: whatever else was sent was a parameter."""
        assert set(self.lines) <= {(bootstrap.command_line(), ())}
        reviewed = {scripts.text(name) for name in scripts.names()}
        for document in self._documents():
            assert document.keys() == {"script", "parameters"}
            assert document["script"] in reviewed

    def clear(self) -> None:
        self.lines.clear()
        self._input.clear()

    def _documents(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self._input.values()]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


class Kvm:
    """Two hosts of libvirt's test driver, each with a real shell. What would be moved is kept in `moved`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import libvirt

        libvirt.registerErrorHandler(lambda *_: None, None)
        self.moved: list[str] = []
        self.hosts = {name: _kvm(folder / name) for name in ("kvm-l", "kvm-r")}
        monkeypatch.setattr("drover.hypervisors.libvirt.connect", lambda spec: self.hosts[spec.host].hypervisor)
        # What the test driver has not.
        moved = libvirt.VIR_MIGRATE_PARAM_DEST_XML
        monkeypatch.setattr(
            libvirt.virDomain, "migrateToURI3", lambda _domain, _to, given, _how: self.moved.append(given[moved])
        )
        monkeypatch.setattr(libvirt.virDomain, "jobStats", lambda _domain, _how: {})

    def make(self, name: str) -> None:
        """A machine that runs at the first one."""
        host = self.hosts["kvm-l"]
        disk = Disk("vda", "/there/vda", "default", DiskFormat.QCOW2, 4 * MIB, 0, "virtio")
        nic = Nic("52:54:00:0a:0b:0c", "production", "virtio")
        machine = replace(MACHINE, name=name, disks=(disk,), nics=(nic,))
        pools = {"default": StoragePool("default", str(host.folder), True, 1 << 40, 1 << 40)}
        site = Site(
            "kvm-l", pools, {"production": Network("production", True, None)}, frozenset({"production"}), "test"
        )
        owner = Ownership(name, "run", name, MACHINE.uuid, "committed")
        wanted = TargetSettings({"production": "production"}, {"default": "default"}, owner)
        (volume,) = translate.volumes(machine, wanted, site)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "--", volume.path, "4M"], check=True)
        with host.connection.errors():
            host.connection.libvirt.defineXML(translate.definition(machine, wanted, site)).create()

    def require_data(self) -> None:
        for host in self.hosts.values():
            require_words(host.transport.seen)

    def close(self) -> None:
        for host in self.hosts.values():
            host.connection.libvirt.close()


def require_words(commands: Iterable[str]) -> None:
    """Each command is a list of words that were quoted one by one; a script among them holds no name."""
    for command in commands:
        words = shlex.split(command)
        assert shlex.join(words) == command
        assert words[:2] != ["sh", "-c"] or CANARY not in words[2]


def _kvm(folder: Path) -> Host:
    import libvirt

    folder.mkdir()
    made = Host(folder)
    connection: Any = made.connection
    connection.libvirt.close()
    node = folder / "node.xml"
    node.write_text(_NODE.format(folder=folder))
    connection.libvirt = libvirt.open(f"test://{node}")
    connection.libvirt.getMemoryStats = lambda _cell: {"free": MIB}
    connection.libvirt.getDomainCapabilities = lambda *_: "<domainCapabilities/>"
    connection.name = folder.name
    connection.spec = ConnectionSpec(folder.name, "libvirt", folder.name, "root")
    # A task ends with a connection of its own, and here it is the host itself.
    connection.close = lambda: None
    connection.open_libvirt = lambda: connection.libvirt
    # Files come and go through the real shell, not through SFTP.
    connection.ssh._sftp = Local()
    connection.forwards = Local()
    return made


class Local:
    """SFTP and forwarded sockets, where the host is this machine."""

    def lstat(self, path: str) -> object:
        return Path(path).lstat()

    def add(self, remote: str) -> Path:
        return Path(remote)

    def drop(self, local: Path) -> None:
        """There is nothing to drop."""


def windows(two: Two) -> None:
    """A machine of every name, off, and one that runs; another was exported."""
    disk = Disk("vda", "/pool/a", "default", DiskFormat.QCOW2, 4 * MIB, 0, "virtio")
    with two.open() as here:
        for name in (*NAMES.values(), PLAIN, EXPORTED):
            uuid = str(uuid5(NAMESPACE_DNS, name))
            machine = foreign(name=name, uuid=uuid, firmware=Firmware.BIOS, disks=(disk,), memory=64 * MIB)
            machine = replace(machine, boot_order=(), nics=(replace(machine.nics[0], mac=_mac(name)),))
            here.define(machine, TargetSettings(*PLACES, Ownership("wave", "run", name, uuid, "target")))
        here.power_on(PLAIN)
        export_to(here.session, EXPORTED, FOLDER)


def vcenter(center: VCenter, package: Path) -> None:
    """The same, but for a line break, which no file of a datastore has in its name."""
    with VsphereHypervisor(center.spec()) as here:
        for name in (*NAMES.values(), PLAIN, EXPORTED):
            if "\n" in name:
                continue
            nics = (Nic(_mac(name), "production", "e1000"),) if name == EXPORTED else ()
            uuid = str(uuid5(NAMESPACE_DNS, name))
            machine = kvm_machine(name, uuid=uuid, firmware=Firmware.BIOS, nics=nics, boot_order=())
            machine = replace(machine, disks=(replace(machine.disks[0], size=MIB, allocated=MIB),))
            here.define(machine, settings(machine, host="esx-t1"))
        here.power_on(PLAIN)
        export_machine(here, EXPORTED, package, progress=lambda _: None)


def take_away(hypervisor: Any, name: str) -> None:
    """Whoever made it."""
    hypervisor.power_off(name)
    ours = replace(hypervisor.machine(name).ownership, role="target")
    hypervisor.tag(name, ours)
    hypervisor.remove(name, ours)


def _mac(name: str) -> str:
    digest = uuid5(NAMESPACE_DNS, name).hex
    return f"00:50:56:0a:{digest[:2]}:{digest[2:4]}"


@contextmanager
def vcenter_process(folder: Path) -> Iterator[VCenter]:
    started = VCenter(folder)
    try:
        yield started
    finally:
        started.stop()


__all__ = [
    "CANARY", "EXPORTED", "FOLDER", "NAMES", "PLAIN", "Kvm", "Two", "Wire", "made_hosts", "run_machine", "take_away",
    "vcenter", "windows",
]  # fmt: skip
