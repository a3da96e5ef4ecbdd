"""Two hosts for tests of the plan: what a hypervisor tells, without one."""

import time
from types import TracebackType
from typing import Any, Self

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import TargetSettings
from drover.model import (
    Cpu,
    Disk,
    DiskFormat,
    Firmware,
    Host,
    Network,
    Nic,
    PowerState,
    StoragePool,
    VirtualMachine,
)

GIB = 1024**3
TEXT = """\
wave: demo
source: a
target: b
mappings:
  networks: {production: production}
  storage: {default: default}
  test_network: isolated
backup: {folder: /tmp}
machines:
  - name: web
    strategy: live
    after: [db]
    checks:
      - tcp: {address: 192.0.2.1, port: 80}
  - name: db
    strategy: cold
    checks:
      - tcp: {address: 192.0.2.2, port: 80}
"""


def machine(name: str, number: int, **changes: Any) -> VirtualMachine:
    values: dict[str, Any] = {
        "name": name,
        "uuid": f"00000000-0000-4000-8000-{number:012}",
        "hypervisor": "libvirt",
        "host": "kvm-a",
        "state": PowerState.RUNNING,
        "cpu": Cpu(count=1),
        "memory": GIB // 4,
        "firmware": Firmware.BIOS,
        "disks": (Disk("vda", f"/pool/{name}.qcow2", "default", DiskFormat.QCOW2, 4 * GIB, GIB, "virtio"),),
        "nics": (Nic(f"52:54:00:00:00:{number:02x}", "production", "virtio", address=f"192.0.2.{number}"),),
        "autostart": False,
        "machine_type": "pc-q35-7.2",
        "native": "<domain><features><acpi/></features></domain>",
    }
    return VirtualMachine(**(values | changes))


class Site:
    """A host that tells what it was given, and counts how often it was asked."""

    kind = "libvirt"
    takes_along = False

    def __init__(self, name: str, machines: list[VirtualMachine]) -> None:
        self.name = name
        self._machines = machines
        self.asked = 0
        self.closed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closed += 1

    def host(self) -> Host:
        self.asked += 1
        return self.hosts()[0]

    def hosts(self) -> list[Host]:
        types, firmwares = ("pc-q35-7.2",), (Firmware.BIOS, Firmware.UEFI)
        return [Host(self.name, "libvirt", "9.0.0", 8, "EPYC", 64 * GIB, 32 * GIB, time.time(), types, firmwares)]

    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        return machine

    def machines(self) -> list[VirtualMachine]:
        return self._machines

    def networks(self) -> list[Network]:
        return [Network("production", True, "br0"), Network("isolated", True, "br1", isolated=True)]

    def pools(self) -> list[StoragePool]:
        return [StoragePool("default", "/pool", True, 100 * GIB, 50 * GIB)]

    # A plan asks whether there is a live move, and never starts one.

    def start_live(self, *_: Any, **__: Any) -> None:
        raise AssertionError

    def live_status(self, *_: Any) -> None:
        raise AssertionError

    def cancel_live(self, *_: Any) -> None:
        raise AssertionError


def resolve(conn_id: str) -> ConnectionSpec:
    """Every connection is there."""
    return ConnectionSpec(conn_id, "libvirt", "192.0.2.1", extra={"migrate_tls": True})


def two_sites() -> dict[str, Any]:
    """The hosts of `TEXT`, and its machines."""
    return {"a": Site("kvm-a", [machine("web", 1), machine("db", 2)]), "b": Site("kvm-b", [])}
