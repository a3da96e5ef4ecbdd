"""What a vCenter offers: itself, its hosts and its datastores."""

from collections.abc import Mapping

from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.collector import Found, retrieve
from drover.hypervisors.vsphere.names import unescape
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.surroundings import Place, surroundings
from drover.model import Firmware, Host, StoragePool

_KIND = "vsphere"
# Free memory that nobody could tell, in bytes.
UNKNOWN = -1
_HOST = (
    "name",
    "parent",
    "config.product",
    "summary.hardware",
    "summary.quickStats.overallMemoryUsage",
    "summary.currentEVCModeKey",
    "runtime.connectionState",
    "runtime.inMaintenanceMode",
)
_STORE = ("name", "summary")
# The newest virtual hardware of each ESXi release, newest first.
_HARDWARE: tuple[tuple[tuple[int, ...], int], ...] = (
    ((9, 0), 22),
    ((8, 0, 2), 21),
    ((8, 0), 20),
    ((7, 0, 2), 19),
    ((7, 0, 1), 18),
    ((7, 0), 17),
    ((6, 7), 14),
    ((6, 5), 13),
    ((6, 0), 11),
    ((5, 5), 10),
)
_OLDEST = 4


def host(session: Session) -> Host:
    """The whole vCenter: what its usable hosts have together, and the types that every one of them knows."""
    with session.errors():
        clock = session.service_instance.CurrentTime().timestamp()
    about = session.content.about
    usable = [one for one, ready in _hosts(session, clock) if ready]
    models = {one.cpu_model for one in usable}
    types = [set(one.machine_types) for one in usable]
    shared = set.intersection(*types) if types else set()
    return Host(
        name=session.name,
        hypervisor=_KIND,
        version=about.fullName,
        cpus=sum(one.cpus for one in usable),
        cpu_model=models.pop() if len(models) == 1 else None,
        memory=sum(one.memory for one in usable),
        memory_free=UNKNOWN if any(one.memory_free < 0 for one in usable) else sum(one.memory_free for one in usable),
        clock=clock,
        machine_types=tuple(sorted(shared)),
        firmwares=(Firmware.BIOS, Firmware.UEFI) if usable else (),
        in_maintenance=not usable,
        id=about.instanceUuid or None,
    )


def hosts(session: Session) -> list[Host]:
    """Every ESXi host, ordered by name; one that does not answer counts as in maintenance."""
    with session.errors():
        clock = session.service_instance.CurrentTime().timestamp()
    return [one for one, _ in _hosts(session, clock)]


def _hosts(session: Session, clock: float) -> list[tuple[Host, bool]]:
    found = list(retrieve(session, {"HostSystem": _HOST}))
    around = surroundings(session, [one.id for one in found])
    made = [_host(one, clock, around.places.get(one.text("parent") or "")) for one in found]
    return sorted(made, key=lambda pair: pair[0].name)


def _host(found: Found, clock: float, compute: Place | None) -> tuple[Host, bool]:
    hardware, product = found.node("summary.hardware"), found.node("config.product")
    memory = nodes.number(hardware, "memorySize") or 0
    used = found.text("summary.quickStats.overallMemoryUsage")
    # Only what says so is out of maintenance.
    ready = found.text("runtime.connectionState") == "connected" and found.text("runtime.inMaintenanceMode") == "false"
    version = nodes.text(product, "version") or ""
    made = Host(
        name=unescape(found.text("name") or ""),
        hypervisor=_KIND,
        version=nodes.text(product, "fullName") or "unknown",
        cpus=nodes.number(hardware, "numCpuThreads") or 0,
        # Under EVC the guest sees the mode, not the CPU.
        cpu_model=found.text("summary.currentEVCModeKey") or nodes.text(hardware, "cpuModel"),
        memory=memory,
        memory_free=max(0, memory - (int(used) << 20)) if used else UNKNOWN,
        clock=clock,
        machine_types=_machine_types(version),
        firmwares=(Firmware.BIOS, Firmware.UEFI),
        in_maintenance=not ready,
        cluster=compute.name if compute is not None and compute.kind == "ClusterComputeResource" else None,
    )
    return made, ready


def _machine_types(version: str) -> tuple[str, ...]:
    """`vmx-04` to the newest that this release of ESXi runs; none where the release cannot be told."""
    numbers = tuple(int(part) for part in version.split(".") if part.isdigit())
    newest = next((hardware for release, hardware in _HARDWARE if numbers >= release), None)
    return tuple(f"vmx-{number:02}" for number in range(_OLDEST, newest + 1)) if newest else ()


def pools(session: Session) -> list[StoragePool]:
    """Every datastore, with what is free now, ordered by label."""
    found = list(retrieve(session, {"Datastore": _STORE}))
    around = surroundings(session, [one.id for one in found])
    return sorted((_pool(one, around.datastores) for one in found), key=lambda pool: pool.name)


def _pool(found: Found, labels: Mapping[str, str]) -> StoragePool:
    summary = found.node("summary")
    usable = nodes.flag(summary, "accessible") is not False
    usable = usable and (nodes.text(summary, "maintenanceMode") or "normal") == "normal"
    return StoragePool(
        name=labels.get(found.id) or unescape(found.text("name") or ""),
        path=f"[{found.text('name') or ''}]",
        active=usable,
        capacity=nodes.number(summary, "capacity") or 0,
        available=max(0, nodes.number(summary, "freeSpace") or 0),
    )
