"""Each concern's three cases, by its id: what raises it, and what it is like when that very fact is missing.

`NOTHING_WRONG` raises none of them. Who tells of a missing fact is the concern itself, or another one by its name
(`by`), in words that name the fact. What cannot be missing in any plan says why (`never`).
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from factory import GIB, MACHINE, NOW, POOL, disk, host, machine, nic, owned, preflight, together

from drover.concerns.preflight import FolderFacts, Preflight, Rehearsed
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv.words import unknown
from drover.hypervisors.port import LiveObstacle, Weight
from drover.hypervisors.reach import OutOfReach
from drover.model import Cpu, DiskFormat, Firmware, Network, PowerState
from drover.waves.fit import Fit

NOTHING_WRONG = preflight()


@dataclass(frozen=True)
class Case:
    """:param by: the concern that blocks where the fact is missing; None for the concern itself.

    :param word: what stands in its words. :param never: why the fact is never missing.
    """

    true: Callable[[], Preflight]
    unknown: Callable[[], Preflight] | None = None
    by: str | None = None
    word: str = ""
    never: str = ""


def vm(**changes: Any) -> Callable[[], Preflight]:
    return lambda: preflight(machine(**changes))


def facts(**changes: Any) -> Callable[[], Preflight]:
    return lambda: preflight(**changes)


def disks(**changes: Any) -> Callable[[], Preflight]:
    return vm(disks=(disk(**changes),))


def word(text: str, **changes: Any) -> Callable[[], Preflight]:
    """A device, or what else an inventory tells in a word."""
    return lambda: preflight(machine(devices=(text,)), **changes)


def pool(**changes: Any) -> Callable[[], Preflight]:
    return facts(pools=(dataclasses.replace(POOL, **changes),))


def extra(kind: str, **values: Any) -> Callable[[], Preflight]:
    return facts(connections={"b": ConnectionSpec("b", kind, "192.0.2.12", extra=values)}, live=True)


def replaced(p: Preflight, **changes: Any) -> Callable[[], Preflight]:
    return lambda: dataclasses.replace(p, **changes)


def vsphere_hides(path: str, true: Callable[[], Preflight]) -> Case:
    """:param path: the property that a vCenter tells it in, and does not show its user."""
    gone = f"unreadable {path} (NoPermission)"
    return Case(true, vm(devices=(gone,)), "machine.unreachable", gone)


def hyperv_hides(what: str, true: Callable[[], Preflight]) -> Case:
    """:param what: the field of a Hyper-V host's answer that is empty."""
    gone = unknown(what)
    return Case(true, vm(devices=(gone,)), "machine.unreachable", gone)


def device(true: Callable[[], Preflight]) -> Case:
    """Of the machine's virtual hardware."""
    return vsphere_hides("config.hardware", true)


def refused(true: Callable[[], Preflight]) -> Case:
    """What the target makes of the machine; nobody could say what."""
    return Case(true, replaced(NOTHING_WRONG, translated=None), "translation.refused", "would make of machine 'web'")


def not_asked(obstacle: LiveObstacle) -> Case:
    """What the platform's own check says; it could not be asked."""
    silent = LiveObstacle("not asked", "The vCenter does not answer.", None)
    live = preflight(live=True)
    true, unknown = (replaced(live, live_obstacles=(one,)) for one in (obstacle, silent))
    return Case(true, unknown, "live.refused", "(not asked)")


WAVE_FILE = "it stands in the wave file, or follows from it"
DEFINITION = "libvirt gives the whole definition or an error, and then there is no plan"
LIST = "a platform gives the whole list or an error, and then there is no plan"


def always(true: Callable[[], Preflight], why: str) -> Case:
    return Case(true, never=why)


ELSEWHERE = host(hypervisor="hyperv")
OTHER = host(cpu_model="Xeon")
PASSED = machine(cpu=Cpu(2, mode="host-passthrough"))
WINDOWS = machine(name="web", guest_os="Windows Server 2022")
VSPHERE = host(hypervisor="vsphere")
FOREIGN = machine(hypervisor="vsphere", guest_tools="not running")
WINDOW = preflight(window={"opens": "22:00", "closes": "05:00", "timezone": "Europe/Berlin"})
LATE = Fit(9 * 3600.0, 7 * 3600.0, "Tue 22:00", "Wed 05:00", late=("web",), fits=())
LIMITED = preflight(live=True, bandwidth="10 MiB/s")
REHEARSED = preflight(rehearsal={"required": "7 days"})
MIB = 1 << 20
BROKEN_OFF = "Get-VMAssignableDevice"
NO_TRIAL = {"networks": {"production": "production"}, "storage": {"default": "default"}}

CASES: dict[str, Case] = {
    "backup.folder": Case(
        facts(folder=FolderFacts("/b", False, GIB)),
        facts(folder=FolderFacts("/b", True, None)),
        "backup.space",
        "how much space /b has left",
    ),
    "backup.space": Case(facts(folder=FolderFacts("/b", True, 1)), facts(folder=FolderFacts("/b", True, None))),
    "checks.none": always(facts(plan={"checks": []}), WAVE_FILE),
    "cluster.role": hyperv_hides("clustered", word("cluster-role")),
    "cluster.rules": Case(vm(devices=("cluster-rule apart",)), vm(devices=("cluster-unreadable cluster-a",))),
    "connection.certificate": Case(extra("vsphere", verify_certificate=False), extra("vsphere", verify_certificate=0)),
    "connection.host_key": Case(extra("libvirt", verify_host_key=False), extra("libvirt", verify_host_key=0)),
    "connection.missing": always(facts(connections={"ssh_web": None}), WAVE_FILE),
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
    "cpu.nested": hyperv_hides("nested", word("nested-virtualization")),
    "cpu.passthrough": Case(
        lambda: preflight(PASSED, live=True, target=OTHER),
        lambda: preflight(PASSED, live=True, target=host(cpu_model=None)),
    ),
    "cpu.pinning": Case(
        vm(devices=("cpu-pinning 0-3",)),
        lambda: preflight(machine(devices=("numa-nodes 0",)), target=host(numa_nodes=None)),
    ),
    "device.console_password": always(word("console-password"), DEFINITION),
    "device.encryption": vsphere_hides("config.keyId", word("disk-encryption")),
    "device.host_share": always(word("filesystem"), DEFINITION),
    "device.interface": device(word("interface-direct")),
    "device.media": device(word("cdrom-media")),
    "device.minor": device(word("sound", target=ELSEWHERE)),
    "device.not_asked": Case(
        word(f"not-asked {BROKEN_OFF}"),
        word("machine-unreadable gone"),
        "machine.unreachable",
        "machine-unreadable gone",
    ),
    "device.other": Case(vm(devices=("vsock",)), vm(devices=("what-nobody-has-heard-of",))),
    "device.passthrough": device(word("hostdev")),
    "device.ports": device(word("serial")),
    "device.tpm": hyperv_hides("tpm", word("tpm")),
    "device.usb": always(word("usb"), DEFINITION),
    "disk.backing_chain": device(disks(backing="/pool/base.qcow2")),
    "disk.capacity": Case(disks(size=GIB + 1), disks(size=0)),
    "disk.elsewhere": Case(
        vm(hypervisor="hyperv", disks=(disk(path="\\\\files\\vms\\web.vhdx"),)),
        vm(devices=("machine-unreadable the disks",)),
        "machine.unreachable",
        "(machine-unreadable the disks)",
    ),
    "disk.filter": device(word("disk-filter scsi0:0 cache")),
    "disk.format": Case(
        disks(format=DiskFormat.VMDK), lambda: preflight(machine(hypervisor="new"), target=host(hypervisor="new"))
    ),
    "disk.independent": device(disks(independent=True)),
    "disk.nonpersistent": device(word("disk-nonpersistent scsi0:0", target=ELSEWHERE)),
    "disk.raw_mapping": device(disks(raw_mapping=True)),
    "disk.read_only": device(disks(read_only=True)),
    "disk.shared": hyperv_hides("sharing of disk SCSI 0:0", disks(shared=True)),
    "disk.unreachable": always(facts(out_of_reach=OutOfReach("hv-b is silent.", "Ask it.")), "who is silent is found"),
    "firmware.secure_boot": vsphere_hides("config.bootOptions", vm(secure_boot=True)),
    "firmware.secure_boot_template": hyperv_hides("Secure Boot", word("secure-boot-template Other", target=ELSEWHERE)),
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
    "host.same": always(facts(target=host(name="kvm-a")), WAVE_FILE),
    "live.refused": not_asked(LiveObstacle("1", "No.", None)),
    "live.unasked": not_asked(LiveObstacle("1", "it has none.", weight=Weight.UNASKED)),
    "live.warned": not_asked(LiveObstacle("1", "Perhaps.", weight=Weight.WARNS)),
    "live.unencrypted": Case(extra("libvirt"), extra("libvirt", migrate_tls="yes")),
    "live.write_rate": Case(replaced(LIMITED, writes=10.0 * MIB), lambda: LIMITED),
    "machine.ambiguous": always(facts(source_machines=(MACHINE, dataclasses.replace(MACHINE, id="2"))), LIST),
    "machine.arguments": always(word("hypervisor-arguments commandline"), DEFINITION),
    "machine.changed_blocks": vsphere_hides("config.changeTrackingEnabled", vm(changed_blocks=False)),
    "machine.checkpoints": Case(word("checkpoints Disabled"), word("checkpoints")),
    "machine.consolidation": vsphere_hides("runtime.consolidationNeeded", vm(consolidation_needed=True)),
    "machine.fault_tolerant": vsphere_hides("runtime.faultToleranceState", vm(fault_tolerant=True)),
    "machine.hotplug": vsphere_hides("config.cpuHotAddEnabled", word("hotplug cpu", target=ELSEWHERE)),
    "machine.left_behind": Case(vm(ownership=owned("migrated")), vm(ownership=owned("new"))),
    "machine.power_state": Case(vm(state=PowerState.PAUSED), vm(state=PowerState.OTHER)),
    "machine.replica": hyperv_hides("replication", word("replica Replicating")),
    "machine.resources": vsphere_hides("config.cpuAllocation", word("resources cpu limit 500 MHz", target=ELSEWHERE)),
    "machine.saved": Case(
        word("saved-state"), vm(state=PowerState.OTHER), "machine.power_state", "in which state machine 'web' is"
    ),
    "machine.shielded": hyperv_hides("shielded", word("shielded")),
    "machine.shutdown": Case(vm(native="<domain/>"), vm(native="<domain")),
    "machine.snapshots": vsphere_hides("snapshot.rootSnapshotList", vm(snapshots=("before",))),
    "machine.template": vsphere_hides("config.template", vm(template=True)),
    "machine.transient": always(word("transient"), DEFINITION),
    "machine.unknown": always(lambda: preflight(None), LIST),
    "machine.unreachable": vsphere_hides("runtime.connectionState", vm(devices=("machine-disconnected",))),
    "memory.dynamic": hyperv_hides("memoryDynamic", word("dynamic-memory", target=ELSEWHERE)),
    "network.isolated": always(facts(networks=(Network("production", True, isolated=True),)), LIST),
    "network.missing": always(facts(networks=()), LIST),
    "network.unmapped": Case(vm(nics=(nic(network="dmz"),)), vm(nics=(nic(network=""),))),
    "nic.disconnected": device(word("interface-disconnected 52:54:00:00:00:01", target=ELSEWHERE)),
    "nic.no_mac": device(word("interface-without-mac one")),
    "nic.sriov": device(word("sriov 52:54:00:00:00:01")),
    "nic.vlan": Case(vm(devices=("vlan 52:54:00:00:00:01 trunk 0",)), vm(devices=("vlan 52:54:00:00:00:01",))),
    "performance.unknown": Case(
        facts(performance={"baseline": "5 min"}), facts(performance={"baseline": "5 min"})
    ),  # It is about nothing but what nobody knows.
    "rehearsal.missing": Case(lambda: REHEARSED, replaced(REHEARSED, rehearsed=Rehearsed(None, "", "x"))),
    "storage.disk_over_pool": Case(pool(capacity=GIB), pool(capacity=0)),
    "storage.missing": always(facts(pools=()), LIST),
    "storage.too_small": Case(pool(available=1), pool(available=-1)),
    "storage.unmapped": Case(disks(pool="fast"), disks(pool=None)),
    "strategy.live_impossible": always(facts(live=True, takes_along=None), WAVE_FILE),
    "strategy.live_unproven": always(facts(live=True), WAVE_FILE),
    "target.address_clash": Case(
        facts(target_machines=(machine(name="other", uuid="2"),)), vm(nics=(nic(address=None),))
    ),
    "target.mac_clash": Case(facts(target_machines=(machine(name="other", uuid="2"),)), vm(nics=(nic(mac=""),))),
    "target.name_taken": always(facts(target_machines=(machine(uuid="2"),)), LIST),
    "target.uuid_taken": Case(facts(target_machines=(machine(name="other"),)), vm(uuid="")),
    "translation.boot_entries": refused(
        lambda: preflight(machine(firmware=Firmware.UEFI), target=host(hypervisor="hyperv"))
    ),
    "translation.boot_order": refused(
        lambda: preflight(machine(boot_order=("vda",)), translated=machine(boot_order=()))
    ),
    "translation.cpu": refused(facts(translated=machine(cpu=Cpu(2, sockets=2)))),
    "translation.definition": always(word("definition sysinfo", target=ELSEWHERE), DEFINITION),
    "translation.disk_controller": refused(facts(translated=machine(disks=(disk(controller="ahci", bus="sata"),)))),
    "translation.kept": refused(facts(translated=machine(memory=2 * GIB))),
    "translation.lost": refused(lambda: preflight(machine(secure_boot=True), translated=MACHINE)),
    "translation.nic_model": refused(facts(translated=machine(nics=(nic(model="e1000"),)))),
    "translation.notes": refused(lambda: preflight(machine(notes="Ask Ann."), target=ELSEWHERE, translated=machine())),
    "translation.refused": Case(facts(refusal="No."), replaced(NOTHING_WRONG, translated=None)),
    "translation.start_stop": hyperv_hides("stop action", word("stop-action ShutDown", target=ELSEWHERE)),
    "trial.network": always(facts(mappings=NO_TRIAL), WAVE_FILE),
    "window.too_short": Case(replaced(WINDOW, fit=LATE), lambda: WINDOW),
}
