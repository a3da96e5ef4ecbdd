"""Each concern's three cases, by its id: what raises it, and what it is like when the fact is missing.

`NOTHING_WRONG` raises none of them. A fact that is missing reaches a concern in one of three ways: as a value that says
so, which the concern itself judges (`unknown`); as a word of the platform's inventory that it could not read something;
or as a machine that is not there, where the fact stands in the wave file and can only be missing with the machine.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from factory import GIB, MACHINE, NOW, POOL, disk, host, machine, nic, owned, preflight, together

from drover.concerns.preflight import FolderFacts, Preflight, Rehearsed
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import LiveObstacle, Weight
from drover.model import Cpu, DiskFormat, Firmware, Network, PowerState
from drover.waves.fit import Fit

NOTHING_WRONG = preflight()
# What an inventory says of a property that its user may not see, or that did not answer.
UNREADABLE = preflight(machine(devices=("unreadable config (NoPermission)",)))
NOT_THERE = preflight(None)


@dataclass(frozen=True)
class Case:
    """:param unknown: what the concern itself judges, or `UNREADABLE` or `NOT_THERE`."""

    true: Callable[[], Preflight]
    unknown: Callable[[], Preflight]


def vm(**changes: Any) -> Callable[[], Preflight]:
    return lambda: preflight(machine(**changes))


def facts(**changes: Any) -> Callable[[], Preflight]:
    return lambda: preflight(**changes)


def disks(**changes: Any) -> Callable[[], Preflight]:
    return vm(disks=(disk(**changes),))


def word(text: str, **changes: Any) -> Case:
    """A device, or what else an inventory tells in a word."""
    return Case(lambda: preflight(machine(devices=(text,)), **changes), lambda: UNREADABLE)


def pool(**changes: Any) -> Callable[[], Preflight]:
    return facts(pools=(dataclasses.replace(POOL, **changes),))


def extra(kind: str, **values: Any) -> Callable[[], Preflight]:
    return facts(connections={"b": ConnectionSpec("b", kind, "192.0.2.12", extra=values)}, live=True)


def replaced(p: Preflight, **changes: Any) -> Callable[[], Preflight]:
    return lambda: dataclasses.replace(p, **changes)


def seen(true: Callable[[], Preflight]) -> Case:
    """The inventory tells it, or says that it could not read it."""
    return Case(true, lambda: UNREADABLE)


def written(true: Callable[[], Preflight]) -> Case:
    """It stands in the wave file, or follows from it and from what a machine is made of."""
    return Case(true, lambda: NOT_THERE)


ELSEWHERE = host(hypervisor="hyperv")
OTHER = host(cpu_model="Xeon")
PASSED = machine(cpu=Cpu(2, mode="host-passthrough"))
WINDOWS = machine(name="web", guest_os="Windows Server 2022")
VSPHERE = host(hypervisor="vsphere")
FOREIGN = machine(hypervisor="vsphere", guest_tools="not running")
WINDOW = preflight(window={"opens": "22:00", "closes": "05:00", "timezone": "Europe/Berlin"})
LATE = Fit(9 * 3600.0, 7 * 3600.0, "Tue 22:00", "Wed 05:00", late=("web",), fits=())
REHEARSED = preflight(rehearsal={"required": "7 days"})
BROKEN_OFF = "Get-VMAssignableDevice"
NO_TRIAL = {"networks": {"production": "production"}, "storage": {"default": "default"}}

CASES: dict[str, Case] = {
    "backup.folder": written(facts(folder=FolderFacts("/b", False, GIB))),
    "backup.space": Case(facts(folder=FolderFacts("/b", True, 1)), facts(folder=FolderFacts("/b", True, None))),
    "checks.none": written(facts(plan={"checks": []})),
    "cluster.role": word("cluster-role"),
    "cluster.rules": Case(vm(devices=("cluster-rule apart",)), vm(devices=("cluster-unreadable cluster-a",))),
    "connection.certificate": Case(extra("vsphere", verify_certificate=False), extra("vsphere", verify_certificate=0)),
    "connection.host_key": Case(extra("libvirt", verify_host_key=False), extra("libvirt", verify_host_key=0)),
    "connection.missing": written(facts(connections={"ssh_web": None})),
    "connection.smb_unencrypted": Case(extra("hyperv", smb_encrypt=False), extra("hyperv", smb_encrypt="maybe")),
    "cpu.capacity": Case(vm(cpu=Cpu(33)), vm(cpu=Cpu(0))),
    "cpu.count": Case(vm(cpu=Cpu(9)), facts(target=host(cpus=0))),
    "cpu.evc": Case(
        lambda: preflight(live=True, target=host(hypervisor="vsphere", cpu_model="Xeon"), source_host=VSPHERE),
        lambda: preflight(live=True, target=host(hypervisor="vsphere", cpu_model=None), source_host=VSPHERE),
    ),
    "cpu.model": Case(
        lambda: preflight(machine(cpu=Cpu(2, model="EPYC", mode="custom")), live=True, target=OTHER),
        lambda: preflight(machine(cpu=Cpu(2, mode="new")), live=True),
    ),
    "cpu.nested": word("nested-virtualization"),
    "cpu.passthrough": Case(
        lambda: preflight(PASSED, live=True, target=OTHER),
        lambda: preflight(PASSED, live=True, target=host(cpu_model=None)),
    ),
    "cpu.pinning": Case(
        vm(devices=("cpu-pinning 0-3",)),
        lambda: preflight(machine(devices=("numa-nodes 0",)), target=host(numa_nodes=None)),
    ),
    "device.console_password": word("console-password"),
    "device.encryption": word("disk-encryption"),
    "device.host_share": word("filesystem"),
    "device.interface": word("interface-direct"),
    "device.media": word("cdrom-media"),
    "device.minor": word("sound", target=ELSEWHERE),
    "device.not_asked": word(f"not-asked {BROKEN_OFF}"),
    "device.other": Case(vm(devices=("vsock",)), vm(devices=("what-nobody-has-heard-of",))),
    "device.passthrough": word("hostdev"),
    "device.ports": word("serial"),
    "device.tpm": word("tpm"),
    "device.usb": word("usb"),
    "disk.backing_chain": seen(disks(backing="/pool/base.qcow2")),
    "disk.capacity": Case(disks(size=GIB + 1), disks(size=0)),
    "disk.filter": word("disk-filter scsi0:0 cache"),
    "disk.format": Case(
        disks(format=DiskFormat.VMDK), lambda: preflight(machine(hypervisor="new"), target=host(hypervisor="new"))
    ),
    "disk.independent": seen(disks(independent=True)),
    "disk.nonpersistent": word("disk-nonpersistent scsi0:0", target=ELSEWHERE),
    "disk.raw_mapping": seen(disks(raw_mapping=True)),
    "disk.read_only": seen(disks(read_only=True)),
    "disk.shared": seen(disks(shared=True)),
    "firmware.secure_boot": seen(vm(secure_boot=True)),
    "firmware.secure_boot_template": word("secure-boot-template Other", target=ELSEWHERE),
    "guest.domain_controller": Case(vm(domain_controller=True), lambda: preflight(WINDOWS)),
    "guest.system": Case(
        lambda: preflight(machine(guest_os="Other (64-bit)"), target=ELSEWHERE), facts(target=ELSEWHERE)
    ),
    "guest.tools": Case(lambda: preflight(FOREIGN), lambda: preflight(dataclasses.replace(FOREIGN, guest_tools=None))),
    "host.clocks": Case(facts(target=host(clock=NOW - 3600)), facts(target=host(clock=0.0))),
    "host.firmware": Case(
        lambda: preflight(machine(firmware=Firmware.UEFI), target=host(firmwares=(Firmware.BIOS,))),
        facts(target=host(firmwares=())),
    ),
    "host.machine_type": Case(vm(machine_type="pc-q35-99.0"), facts(target=host(machine_types=()))),
    "host.maintenance": Case(facts(hosts=(host(in_maintenance=True),)), facts(hosts=())),
    "host.memory": Case(facts(target=host(memory_free=1)), facts(target=host(memory_free=-1))),
    "host.memory_capacity": Case(
        facts(target=host(memory=GIB // 2)), lambda: together(NOTHING_WRONG, machine(name="db", memory=0))
    ),
    "host.same": written(facts(target=host(name="kvm-a"))),
    "live.refused": written(replaced(preflight(live=True), live_obstacles=(LiveObstacle("1", "No.", None),))),
    "live.unasked": written(
        replaced(preflight(live=True), live_obstacles=(LiveObstacle("1", "it has none.", weight=Weight.UNASKED),))
    ),
    "live.warned": written(
        replaced(preflight(live=True), live_obstacles=(LiveObstacle("1", "Perhaps.", weight=Weight.WARNS),))
    ),
    "live.unencrypted": Case(extra("libvirt"), extra("libvirt", migrate_tls="yes")),
    "machine.ambiguous": written(facts(source_machines=(MACHINE, dataclasses.replace(MACHINE, id="2")))),
    "machine.arguments": word("hypervisor-arguments commandline"),
    "machine.changed_blocks": seen(vm(changed_blocks=False)),
    "machine.consolidation": seen(vm(consolidation_needed=True)),
    "machine.fault_tolerant": seen(vm(fault_tolerant=True)),
    "machine.hotplug": word("hotplug cpu", target=ELSEWHERE),
    "machine.left_behind": Case(vm(ownership=owned("migrated")), vm(ownership=owned("new"))),
    "machine.power_state": Case(vm(state=PowerState.PAUSED), vm(state=PowerState.OTHER)),
    "machine.replica": word("replica Replicating"),
    "machine.resources": word("resources cpu limit 500 MHz", target=ELSEWHERE),
    "machine.saved": word("saved-state"),
    "machine.shielded": word("shielded"),
    "machine.shutdown": Case(vm(native="<domain/>"), vm(native="<domain")),
    "machine.snapshots": seen(vm(snapshots=("before",))),
    "machine.template": seen(vm(template=True)),
    "machine.transient": word("transient"),
    "machine.unknown": written(lambda: NOT_THERE),
    "machine.unreachable": Case(vm(devices=("machine-disconnected",)), lambda: UNREADABLE),
    "memory.dynamic": word("dynamic-memory", target=ELSEWHERE),
    "network.isolated": written(facts(networks=(Network("production", True, isolated=True),))),
    "network.missing": written(facts(networks=())),
    "network.unmapped": Case(vm(nics=(nic(network="dmz"),)), vm(nics=(nic(network=""),))),
    "nic.disconnected": word("interface-disconnected 52:54:00:00:00:01", target=ELSEWHERE),
    "nic.no_mac": word("interface-without-mac one"),
    "nic.sriov": word("sriov 52:54:00:00:00:01"),
    "nic.vlan": Case(vm(devices=("vlan 52:54:00:00:00:01 trunk 0",)), vm(devices=("vlan 52:54:00:00:00:01",))),
    "performance.unknown": Case(
        facts(performance={"baseline": "5 min"}), facts(performance={"baseline": "5 min"})
    ),  # It is about nothing but what nobody knows.
    "rehearsal.missing": Case(lambda: REHEARSED, replaced(REHEARSED, rehearsed=Rehearsed(None, "", "x"))),
    "storage.disk_over_pool": Case(pool(capacity=GIB), pool(capacity=0)),
    "storage.missing": written(facts(pools=())),
    "storage.too_small": Case(pool(available=1), pool(available=-1)),
    "storage.unmapped": Case(disks(pool="fast"), disks(pool=None)),
    "strategy.live_impossible": written(facts(live=True, takes_along=None)),
    "strategy.live_unproven": written(facts(live=True)),
    "target.address_clash": Case(
        facts(target_machines=(machine(name="other", uuid="2"),)), vm(nics=(nic(address=None),))
    ),
    "target.mac_clash": Case(facts(target_machines=(machine(name="other", uuid="2"),)), vm(nics=(nic(mac=""),))),
    "target.name_taken": written(facts(target_machines=(machine(uuid="2"),))),
    "target.uuid_taken": Case(facts(target_machines=(machine(name="other"),)), vm(uuid="")),
    "translation.boot_entries": written(
        lambda: preflight(machine(firmware=Firmware.UEFI), target=host(hypervisor="hyperv"))
    ),
    "translation.boot_order": written(
        lambda: preflight(machine(boot_order=("vda",)), translated=machine(boot_order=()))
    ),
    "translation.cpu": written(facts(translated=machine(cpu=Cpu(2, sockets=2)))),
    "translation.definition": word("definition sysinfo", target=ELSEWHERE),
    "translation.disk_controller": written(facts(translated=machine(disks=(disk(controller="ahci", bus="sata"),)))),
    "translation.kept": written(facts(translated=machine(memory=2 * GIB))),
    "translation.lost": written(lambda: preflight(machine(secure_boot=True), translated=MACHINE)),
    "translation.nic_model": written(facts(translated=machine(nics=(nic(model="e1000"),)))),
    "translation.notes": written(lambda: preflight(machine(notes="Ask Ann."), target=ELSEWHERE, translated=machine())),
    "translation.refused": Case(facts(refusal="No."), replaced(NOTHING_WRONG, translated=None)),
    "trial.network": written(facts(mappings=NO_TRIAL)),
    "window.too_short": Case(replaced(WINDOW, fit=LATE), lambda: WINDOW),
}
