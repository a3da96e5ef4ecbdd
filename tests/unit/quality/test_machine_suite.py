"""The machine suite: each setting that the guest could notice."""

from dataclasses import replace
from pathlib import Path

import pytest

from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine
from drover.quality import machine


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
# What the target is to make of it: a new place, and its networks' names.
WANTED = replace(
    BEFORE,
    host="kvm-b",
    state=PowerState.OFF,
    autostart=False,
    disks=tuple(replace(one, path=f"/other/{one.name}", allocated=0) for one in BEFORE.disks),
    nics=tuple(replace(nic, network=f"{nic.network}-b") for nic in BEFORE.nics),
)
VDA, VDB = WANTED.disks
FIRST, SECOND = WANTED.nics


def test_a_machine_that_only_changed_its_place_passes(tmp_path: Path) -> None:
    after = replace(WANTED, state=PowerState.RUNNING, disks=(replace(VDA, allocated=5), VDB))

    verdict = machine.validate(BEFORE, WANTED, after, tmp_path)

    assert (verdict.passed, verdict.failures) == (True, ())


def test_a_machine_of_another_kind_is_what_its_new_hypervisor_said_that_it_makes(tmp_path: Path) -> None:
    before = replace(
        BEFORE,
        hypervisor="vsphere",
        disks=(
            replace(BEFORE.disks[0], name="scsi0:0", bus="scsi", controller="pvscsi"),
            replace(BEFORE.disks[1], name="nvme0:0", bus="nvme", controller="nvme"),
        ),
    )
    wanted = replace(
        WANTED,
        disks=(
            replace(VDA, name="sda", bus="scsi", controller="pvscsi"),
            replace(VDB, name="sdb", bus="sata", controller="ahci"),
        ),
    )

    assert machine.validate(before, wanted, wanted, tmp_path).passed
    assert "disk 2: name: sdb was to be, vdb is at the target" in failures(
        replace(wanted, disks=(wanted.disks[0], VDB)), tmp_path, before, wanted
    )


def failures(
    after: VirtualMachine, tmp_path: Path, before: VirtualMachine = BEFORE, wanted: VirtualMachine = WANTED
) -> str:
    verdict = machine.validate(before, wanted, after, tmp_path)
    assert not verdict.passed
    return " ".join(verdict.failures)


def test_each_setting_of_the_machine_is_compared(tmp_path: Path) -> None:
    after = replace(
        WANTED,
        name="web2",
        uuid="0" * 36,
        cpu=Cpu(2, sockets=2),
        memory=1 << 29,
        firmware=Firmware.BIOS,
        secure_boot=False,
        boot_order=("network 1", "vda"),
    )

    told = failures(after, tmp_path)

    assert "name: web was to be, web2 is at the target" in told
    assert "UUID: 6f5ff9d6-1111-4222-8333-444455556666 was to be, 0000" in told
    assert "number of CPUs: 4 was to be, 2 is at the target" in told
    assert "topology: 1 sockets, 2 cores, 2 threads was to be, 2 sockets, 1 cores, 1 threads is at the target" in told
    assert "memory: 1073741824 bytes was to be, 536870912 bytes is at the target" in told
    assert "firmware: uefi was to be, bios is at the target" in told
    assert "secure boot: on was to be, off is at the target" in told
    assert "boot order: vda, network 1 was to be, network 1, vda is at the target" in told


def test_order_size_and_bus_of_disks_are_compared(tmp_path: Path) -> None:
    told = failures(replace(WANTED, disks=(replace(VDA, size=512), replace(VDB, bus="sata"))), tmp_path)

    assert "disk 1: size: 1073741824 bytes was to be, 512 bytes is at the target" in told
    assert "disk 2 (vdb): bus: virtio was to be, sata is at the target" in told
    assert "disk 1: name: vda was to be, vdb is at the target" in failures(replace(WANTED, disks=(VDB, VDA)), tmp_path)
    assert "The target has no disk 2: name (vdb was to be)" in failures(replace(WANTED, disks=(VDA,)), tmp_path)


def test_order_addresses_and_networks_of_adapters_are_compared(tmp_path: Path) -> None:
    told = failures(
        replace(WANTED, nics=(replace(FIRST, mac="52:54:00:00:00:09"), replace(SECOND, network="x"))), tmp_path
    )

    assert "adapter 1: MAC address: 52:54:00:00:00:01 was to be, 52:54:00:00:00:09 is at the target" in told
    assert "adapter 2: network: backup-b was to be, x is at the target" in told
    assert "adapter 1: MAC address: 52:54:00:00:00:01 was to be, 52:54:00:00:00:02" in failures(
        replace(WANTED, nics=(SECOND, FIRST)), tmp_path
    )
    told = failures(replace(WANTED, nics=(FIRST, SECOND, SECOND)), tmp_path)
    assert "number of network adapters: 2 was to be, 3 is at the target" in told
    assert "The target has network adapter 3: MAC address (52:54:00:00:00:02), which was not to be." in told


@pytest.mark.parametrize(
    "lost",
    [
        {"memory": 1 << 20},
        {"cpu": Cpu(1)},
        {"firmware": Firmware.BIOS},
        {"disks": (VDB, VDA)},
        {"nics": (SECOND, FIRST)},
        {"uuid": "0" * 36},
    ],
    ids=lambda lost: next(iter(lost)),
)
def test_what_a_translation_lost_is_seen_though_the_target_is_what_it_said(lost: dict, tmp_path: Path) -> None:
    wanted = replace(WANTED, **lost)

    assert "was to be" in failures(wanted, tmp_path, wanted=wanted)
