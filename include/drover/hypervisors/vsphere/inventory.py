"""The machines of a vCenter, all at once: pages of hundreds, not a few calls for each machine."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from drover.hypervisors.vsphere import devices, lookup, nodes, tags
from drover.hypervisors.vsphere.collector import Found, retrieve
from drover.hypervisors.vsphere.names import unescape
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.surroundings import Surroundings, surroundings
from drover.model import Cpu, Firmware, Nic, PowerState, VirtualMachine

_KIND = "VirtualMachine"
# What a definition is made of, and so what a backup of it keeps. `extraConfig` is not: people put passwords there.
_NATIVE = (
    "config.uuid",
    "config.instanceUuid",
    "config.version",
    "config.guestId",
    "config.annotation",
    "config.firmware",
    "config.bootOptions",
    "config.flags",
    "config.files",
    "config.hardware",
    "config.cpuHotAddEnabled",
    "config.memoryHotAddEnabled",
    "config.nestedHVEnabled",
    "config.cpuAllocation",
    "config.memoryAllocation",
    "config.latencySensitivity",
)
_PATHS = (
    *_NATIVE,
    "name",
    "config.template",
    "config.guestFullName",
    "config.changeTrackingEnabled",
    "config.keyId",
    "config.extraConfig",
    "config.cpuAffinity",
    "config.memoryAffinity",
    "runtime.host",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.consolidationNeeded",
    "runtime.faultToleranceState",
    "snapshot.rootSnapshotList",
    "layoutEx",
    "guest.toolsRunningStatus",
    "guest.toolsVersionStatus2",
    "guest.net",
    "customValue",
)
_STATES = {"poweredOn": PowerState.RUNNING, "poweredOff": PowerState.OFF}
# Settings of `extraConfig` that change what the guest sees, and hold no secret.
_KEPT_OPTIONS = ("disk.enableuuid",)


def machines(session: Session) -> list[VirtualMachine]:
    """Every machine that the connection's user may see, ordered by name."""
    return sorted(_read(session, None), key=lambda machine: machine.name)


def machine(session: Session, name: str) -> VirtualMachine:
    """:raises BadInputError: no machine has that name, or more than one has."""
    found = find(session, name)
    if found is None:
        lookup.require(session, name)  # which says so
        raise AssertionError(name)
    return found


def find(session: Session, name: str) -> VirtualMachine | None:
    """:raises BadInputError: more than one machine has that name."""
    reference = lookup.find(session, name)
    return next(iter(read(session, [reference._moId])), None) if reference is not None else None


def read(session: Session, ids: Sequence[str]) -> list[VirtualMachine]:
    """The machines with these ids, in no order; one that is gone is left out."""
    return list(_read(session, [(_KIND, one) for one in ids]))


def instance(machine: VirtualMachine) -> str:
    """What a vCenter calls this very machine, and no clone of it; vMotion keeps it. :param machine: as read here."""
    return str(json.loads(machine.native or "{}").get("instanceUuid") or "")


def _read(session: Session, ids: list[tuple[str, str]] | None) -> Iterator[VirtualMachine]:
    starting: set[str] | None = None
    for found in retrieve(session, {_KIND: _PATHS}, ids):
        if starting is None:
            hosts = None if ids is None else [("HostSystem", found.text("runtime.host") or "")]
            starting = _autostarted(session, hosts if ids is not None and len(ids) == 1 else None)
        yield _machine(found, surroundings(session, [found.text("runtime.host")]), found.id in starting)


def _autostarted(session: Session, hosts: list[tuple[str, str]] | None) -> set[str]:
    """Ids of the machines that their hosts start by themselves. :param hosts: None for all."""
    found = set()
    for host in retrieve(session, {"HostSystem": ["config.autoStart"]}, hosts):
        settings = host.node("config.autoStart")
        if not nodes.flag(settings, "defaults/enabled"):
            continue
        for entry in nodes.children(settings, "powerInfo"):
            if (nodes.text(entry, "startAction") or "").lower() == "poweron":
                found.add(nodes.text(entry, "key") or "")
    return found


def _machine(found: Found, around: Surroundings, autostart: bool) -> VirtualMachine:
    config, boot = found.node("config.hardware"), found.node("config.bootOptions")
    order = nodes.children(boot, "bootOrder")
    parts = devices.hardware(nodes.children(config, "device"), found.node("layoutEx"), around, order)
    options = nodes.listed(found.node("config.extraConfig"))
    return VirtualMachine(
        name=unescape(found.text("name") or ""),
        uuid=found.text("config.uuid") or "",
        hypervisor="vsphere",
        host=around.host(found.text("runtime.host")),
        state=_STATES.get(found.text("runtime.powerState") or "", PowerState.OTHER),
        cpu=_cpu(config),
        memory=(nodes.number(config, "memoryMB") or 0) << 20,
        firmware=Firmware.UEFI if found.text("config.firmware") == "efi" else Firmware.BIOS,
        disks=parts.disks,
        nics=tuple(_with_addresses(parts.nics, nodes.listed(found.node("guest.net")))),
        autostart=autostart,
        secure_boot=bool(nodes.flag(boot, "efiSecureBootEnabled")),
        snapshots=tuple(_snapshots(found.node("snapshot.rootSnapshotList"))),
        boot_order=devices.boot_order(order, parts.boot_names),
        machine_type=found.text("config.version"),
        devices=(
            *parts.words,
            *_machine_words(found),
            *_placement(found, options),
            *_attributes(found, around),
            *around.rules.get(found.id, ()),
        ),
        ownership=tags.read(options),
        native=_native(found, options),
        guest_os=found.text("config.guestFullName") or found.text("config.guestId"),
        guest_tools=_tools(found),
        fault_tolerant=(found.text("runtime.faultToleranceState") or "notConfigured") != "notConfigured",
        consolidation_needed=found.text("runtime.consolidationNeeded") == "true",
        template=found.text("config.template") == "true",
        changed_blocks=found.text("config.changeTrackingEnabled") == "true",
        id=found.id,
        notes=unescape(found.text("config.annotation") or "") or None,
    )


def _with_addresses(nics: Sequence[Nic], told: Sequence[Node]) -> Iterator[Nic]:
    """:param told: what the guest's tools say of its adapters."""
    addresses: dict[str, list[str]] = {}
    for one in told:
        mine = addresses.setdefault((nodes.text(one, "macAddress") or "").lower(), [])
        mine += [text for found in nodes.children(one, "ipAddress") if (text := nodes.text(found))]
    for nic in nics:
        mine = addresses.get(nic.mac, [])
        yield replace(nic, address=next(iter(mine), None), more_addresses=tuple(mine[1:]))


def _cpu(config: Node | None) -> Cpu:
    count = nodes.number(config, "numCPU") or 0
    cores = nodes.number(config, "numCoresPerSocket") or 1
    return Cpu(count=count, sockets=max(1, count // cores), cores=cores)


def _machine_words(found: Found) -> Iterator[str]:
    """What is to be thought about beyond devices."""
    if found.node("config.keyId") is not None:
        yield "machine-encryption"
    state = found.text("runtime.connectionState") or "unknown"
    if state != "connected":
        yield f"machine-{state}"
    elif found.node("config.hardware") is None:
        yield "machine-unreadable"
    yield from (f"unreadable {path} ({why})" for path, why in sorted(found.missing.items()))


def _placement(found: Found, options: Sequence[Node]) -> Iterator[str]:
    """What ties it to parts of its host, and what may be added to it while it runs."""
    for path, word in (("config.cpuAffinity", "cpu-pinning"), ("config.memoryAffinity", "numa-nodes")):
        numbers = [nodes.text(one) or "" for one in nodes.children(found.node(path), "affinitySet")]
        if numbers:
            yield f"{word} {','.join(numbers)}"
    for one in options:
        if (nodes.text(one, "key") or "").lower() == "numa.nodeaffinity" and nodes.text(one, "value"):
            yield f"numa-nodes {nodes.text(one, 'value')}"
    for path, what in (("config.cpuHotAddEnabled", "cpu"), ("config.memoryHotAddEnabled", "memory")):
        if found.text(path) == "true":
            yield f"hotplug {what}"
    if found.text("config.nestedHVEnabled") == "true":
        yield "nested-virtualization"
    yield from _resources(found)


def _resources(found: Found) -> Iterator[str]:
    """Its own share of its host, where that is not what every machine gets."""
    for what, unit in (("cpu", "MHz"), ("memory", "MB")):
        share = found.node(f"config.{what}Allocation")
        if nodes.number(share, "reservation"):
            yield f"resources {what} reservation {nodes.number(share, 'reservation')} {unit}"
        limit = nodes.number(share, "limit")
        if limit is not None and limit >= 0:
            yield f"resources {what} limit {limit} {unit}"
        if (level := nodes.text(share, "shares/level") or "normal") != "normal":
            yield f"resources {what} shares {level}"
    if (level := nodes.text(found.node("config.latencySensitivity"), "level") or "normal") != "normal":
        yield f"resources latency sensitivity {level}"


def _attributes(found: Found, around: Surroundings) -> Iterator[str]:
    """The custom attributes that people have filled in, by name; what they say is theirs."""
    for one in nodes.listed(found.node("customValue")):
        value = nodes.text(one, "value") or ""
        if value and tags.parse(value) is None:  # Else it is Drover's own.
            yield f"attribute {around.attributes.get(nodes.text(one, 'key') or '', '?')}"


def _snapshots(tree: Node | None) -> Iterator[str]:
    """Names, parents before children."""
    for snapshot in nodes.listed(tree):
        yield from _snapshot_names(snapshot)


def _snapshot_names(snapshot: Node) -> Iterator[str]:
    yield unescape(nodes.text(snapshot, "name") or "")
    for below in nodes.children(snapshot, "childSnapshotList"):
        yield from _snapshot_names(below)


def _tools(found: Found) -> str | None:
    running = found.text("guest.toolsRunningStatus")
    if running in ("guestToolsRunning", "guestToolsExecutingScripts"):
        return "running"
    if found.text("guest.toolsVersionStatus2") == "guestToolsNotInstalled":
        return "not installed"
    return "not running" if running == "guestToolsNotRunning" else None


def _native(found: Found, options: list[Node]) -> str:
    """The definition as JSON: what the server said, property by property."""
    parts = {
        path.removeprefix("config."): nodes.plain(node) for path in _NATIVE if (node := found.node(path)) is not None
    }
    kept = {nodes.text(one, "key") or "": nodes.text(one, "value") or "" for one in options}
    parts["extraConfig"] = {key: value for key, value in kept.items() if key.lower() in _KEPT_OPTIONS}
    return json.dumps(parts, separators=(",", ":"))
