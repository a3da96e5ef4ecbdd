"""One machine that nothing is wrong with, between two hosts that fit; each test spoils one thing."""

import dataclasses
from types import ModuleType
from typing import Any

from drover.concerns.preflight import FolderFacts, HostFacts, Preflight
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.reach import OutOfReach
from drover.model import (
    Category,
    Concern,
    Cpu,
    Disk,
    DiskFormat,
    Firmware,
    Host,
    Network,
    Nic,
    Ownership,
    PowerState,
    StoragePool,
    VirtualMachine,
)
from drover.waves.schema import Wave

GIB = 1024**3
NOW = 1_800_000_000.0
UUID = "5a1d3f6e-0000-4000-8000-000000000001"
CRITICAL, WARNING, INFORMATION = Category.CRITICAL, Category.WARNING, Category.INFORMATION

DISK = Disk("vda", "/pool/web.qcow2", "default", DiskFormat.QCOW2, 4 * GIB, GIB, "virtio")
NIC = Nic("52:54:00:00:00:01", "production", "virtio", address="192.0.2.1")
MACHINE = VirtualMachine(
    name="web",
    uuid=UUID,
    hypervisor="libvirt",
    host="kvm-a",
    state=PowerState.RUNNING,
    cpu=Cpu(count=2),
    memory=GIB,
    firmware=Firmware.BIOS,
    disks=(DISK,),
    nics=(NIC,),
    autostart=True,
    machine_type="pc-q35-7.2",
    native="<domain><features><acpi/></features></domain>",
)
HOST = Host(
    name="kvm-b",
    hypervisor="libvirt",
    version="9.0.0",
    cpus=8,
    cpu_model="EPYC",
    memory=64 * GIB,
    memory_free=32 * GIB,
    clock=NOW,
    machine_types=("pc-q35-7.2", "pc-i440fx-7.2"),
    firmwares=(Firmware.BIOS, Firmware.UEFI),
    numa_nodes=1,
)
NETWORKS = (Network("production", True, "br0"), Network("isolated", True, "br1", isolated=True))
TLS = {"migrate_tls": True}
FOLDER = FolderFacts("/backups", True, 100 * GIB)
POOL = StoragePool("default", "/pool", True, 100 * GIB, 50 * GIB)


def disk(**changes: Any) -> Disk:
    return dataclasses.replace(DISK, **changes)


def nic(**changes: Any) -> Nic:
    return dataclasses.replace(NIC, **changes)


def machine(**changes: Any) -> VirtualMachine:
    return dataclasses.replace(MACHINE, **changes)


def host(**changes: Any) -> Host:
    return dataclasses.replace(HOST, **changes)


def owned(role: str = "target", **changes: Any) -> Ownership:
    return dataclasses.replace(Ownership("test", "run1", "web", UUID, role), **changes)


def wave(plans: list[dict[str, Any]] | None = None, **changes: Any) -> Wave:
    """A wave of the machine `web`; `plans` are its machines where it has others."""
    values: dict[str, Any] = {
        "wave": "test",
        "source": "a",
        "target": "b",
        "mappings": {
            "networks": {"production": "production"},
            "storage": {"default": "default"},
            "test_network": "isolated",
        },
        "backup": {"folder": "/backups"},
        "machines": plans or [{"name": "web", "strategy": "cold"}],
    }
    return Wave.model_validate(values | changes)


def preflight(
    source: VirtualMachine | None = MACHINE,
    *,
    live: bool = False,
    plan: dict[str, Any] | None = None,
    target: Host = HOST,
    source_host: Host | None = None,
    target_machines: tuple[VirtualMachine, ...] = (),
    source_machines: tuple[VirtualMachine, ...] | None = None,
    networks: tuple[Network, ...] = NETWORKS,
    pools: tuple[StoragePool, ...] = (POOL,),
    folder: FolderFacts = FOLDER,
    connections: dict[str, ConnectionSpec | None] | None = None,
    hosts: tuple[Host, ...] | None = None,
    takes_along: bool | None = False,
    translated: VirtualMachine | None = None,
    refusal: str | None = None,
    target_id: str = "b",
    out_of_reach: OutOfReach | None = None,
    **changes: Any,
) -> Preflight:
    """:param plan: further keys of the machine's plan. :param changes: keys of the wave.

    :param out_of_reach: why the target's disks are.
    :param translated: what the target makes of the machine; the same, if not given.
    """
    check = {"tcp": {"address": "192.0.2.1", "port": 80}}
    strategy = "live" if live else "cold"
    whole = wave(
        [{"name": "web", "strategy": strategy, "checks": [check], **(plan or {})}], target=target_id, **changes
    )
    here = source_host or host(name="kvm-a")
    machines = source_machines or ((source,) if source else ())
    known = {
        "a": ConnectionSpec("a", "libvirt", "192.0.2.11"),
        "b": ConnectionSpec("b", "libvirt", "192.0.2.12", extra=TLS),
    }
    return Preflight(
        wave=whole,
        plan=whole.machines[0],
        source=source,
        source_facts=HostFacts(here, (NOW, NOW), machines, NETWORKS, (POOL,), (here,), takes_along),
        target_facts=HostFacts(
            target,
            (NOW, NOW),
            target_machines,
            networks,
            pools,
            (target,) if hosts is None else hosts,
            out_of_reach=out_of_reach,
        ),
        backup_folder=folder,
        now=NOW,
        companions=tuple((whole.machines[0], each) for each in machines if each.name == "web"),
        connections=known | (connections or {}),
        translated=None if refusal else translated or source,
        refusal=refusal,
    )


def together(p: Preflight, *others: VirtualMachine) -> Preflight:
    """The same move in a wave with these machines too."""
    plans = [{"name": each.name, "strategy": "cold"} for each in others]
    whole = wave([p.plan.model_dump(mode="json", include={"name", "strategy"}), *plans])
    coming = tuple((whole.machine(each.name), each) for each in others)
    return dataclasses.replace(p, companions=(*p.companions, *coming))


def ask(module: ModuleType, p: Preflight) -> list[Concern]:
    """What this concern finds; every finding must have the concern's id and be readable."""
    found: list[Concern] = list(module.check(p))
    for concern in found:
        assert concern.id == module.ID
        assert concern.label
        assert concern.assessment.endswith((".", "?"))
        assert len(concern.assessment.split(". ")) >= 3, concern.assessment
    return found


def categories(module: ModuleType, p: Preflight) -> list[Category]:
    return [concern.category for concern in ask(module, p)]


def is_unknown(concerns: list[Concern]) -> bool:
    """Whether there is exactly one finding, of the kind that nobody can waive."""
    from drover.concerns.finding import UnknownConcern

    return len(concerns) == 1 and isinstance(concerns[0], UnknownConcern) and concerns[0].category is CRITICAL
