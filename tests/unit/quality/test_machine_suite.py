"""The machine suite: each setting that the guest could notice."""

from dataclasses import replace
from pathlib import Path

from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine
from drover.quality import machine

NETWORKS = {"production": "prod-b", "backup": "backup-b"}


def disk(name: str, size: int, bus: str = "virtio") -> Disk:
    return Disk(name, f"/images/{name}", "default", DiskFormat.RAW, size, size, bus)


BEFORE = VirtualMachine(
    name="web",
    uuid="6f5ff9d6-1111-4222-8333-444455556666",
    hypervisor="libvirt",
    host="kvm-a",
    state=PowerState.RUNNING,
    cpu=Cpu(4, sockets=1, cores=2, threads=2),
    memory=1 << 30,
    firmware=Firmware.UEFI,
    secure_boot=True,
    disks=(disk("vda", 1 << 30), disk("vdb", 1 << 20)),
    nics=(Nic("52:54:00:00:00:01", "production", "virtio"), Nic("52:54:00:00:00:02", "backup", "virtio")),
    autostart=True,
    boot_order=("vda", "network 1"),
)
# What may differ: where it is, whether it runs, what its networks are called, where its images lie.
AFTER = replace(
    BEFORE,
    host="kvm-b",
    state=PowerState.OFF,
    autostart=False,
    disks=tuple(replace(one, path=f"/other/{one.name}", allocated=0) for one in BEFORE.disks),
    nics=tuple(replace(nic, network=NETWORKS[nic.network]) for nic in BEFORE.nics),
)
VDA, VDB = AFTER.disks
FIRST, SECOND = AFTER.nics


def test_a_machine_that_only_changed_its_place_passes(tmp_path: Path) -> None:
    verdict = machine.validate(BEFORE, AFTER, NETWORKS, tmp_path)

    assert (verdict.passed, verdict.failures) == (True, ())


def failures(after: VirtualMachine, tmp_path: Path) -> str:
    verdict = machine.validate(BEFORE, after, NETWORKS, tmp_path)
    assert not verdict.passed
    return " ".join(verdict.failures)


def test_each_setting_of_the_machine_is_compared(tmp_path: Path) -> None:
    after = replace(
        AFTER,
        name="web2",
        uuid="0" * 36,
        cpu=Cpu(2, sockets=2),
        memory=1 << 29,
        firmware=Firmware.BIOS,
        secure_boot=False,
        boot_order=("network 1", "vda"),
    )

    told = failures(after, tmp_path)

    assert "name: web at the source, web2 at the target" in told
    assert "UUID: 6f5ff9d6-1111-4222-8333-444455556666 at the source, 0000" in told
    assert "number of CPUs: 4 at the source, 2 at the target" in told
    assert "topology: 1 sockets, 2 cores, 2 threads at the source, 2 sockets, 1 cores, 1 threads at the target" in told
    assert "memory: 1073741824 bytes at the source, 536870912 bytes at the target" in told
    assert "firmware: uefi at the source, bios at the target" in told
    assert "secure boot: on at the source, off at the target" in told
    assert "boot order: vda, network 1 at the source, network 1, vda at the target" in told


def test_order_size_and_bus_of_disks_are_compared(tmp_path: Path) -> None:
    told = failures(replace(AFTER, disks=(replace(VDA, size=512), replace(VDB, bus="sata"))), tmp_path)

    assert "disk 1 (vda): size: 1073741824 bytes at the source, 512 bytes at the target" in told
    assert "disk 2 (vdb): bus: virtio at the source, sata at the target" in told
    assert "disk 1: name: vda at the source, vdb at the target" in failures(replace(AFTER, disks=(VDB, VDA)), tmp_path)
    assert "The target has no disk 2: name (it was vdb at the source)" in failures(
        replace(AFTER, disks=(VDA,)), tmp_path
    )


def test_order_addresses_and_networks_of_adapters_are_compared(tmp_path: Path) -> None:
    told = failures(
        replace(AFTER, nics=(replace(FIRST, mac="52:54:00:00:00:09"), replace(SECOND, network="x"))), tmp_path
    )

    assert "adapter 1: MAC address: 52:54:00:00:00:01 at the source, 52:54:00:00:00:09 at the target" in told
    assert "adapter 2: network: backup-b at the source, x at the target" in told
    assert "adapter 1: MAC address: 52:54:00:00:00:01 at the source, 52:54:00:00:00:02" in failures(
        replace(AFTER, nics=(SECOND, FIRST)), tmp_path
    )
    told = failures(replace(AFTER, nics=(FIRST, SECOND, SECOND)), tmp_path)
    assert "number of network adapters: 2 at the source, 3 at the target" in told
    assert "The target has network adapter 3: MAC address (52:54:00:00:00:02), which the source has not." in told


def test_a_network_without_mapping_is_no_match(tmp_path: Path) -> None:
    verdict = machine.validate(BEFORE, AFTER, {"production": "prod-b"}, tmp_path)

    assert not verdict.passed
    assert "a network that the wave does not map ('backup') at the source" in " ".join(verdict.failures)
