"""The inventory suite: what a hypervisor may say of its machines, and what it may not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine
from drover.quality import inventory

DISK = Disk("vda", "/images/web.qcow2", "default", DiskFormat.QCOW2, 1 << 30, 1 << 20, "virtio")
NIC = Nic("52:54:00:00:00:01", "production", "virtio")
WEB = VirtualMachine(
    name="web",
    uuid="6f5ff9d6-1111-4222-8333-444455556666",
    hypervisor="libvirt",
    host="kvm-a",
    state=PowerState.RUNNING,
    cpu=Cpu(1),
    memory=1 << 28,
    firmware=Firmware.BIOS,
    disks=(DISK,),
    nics=(NIC,),
    autostart=False,
)
DB = replace(
    WEB,
    name="db",
    uuid="6f5ff9d6-1111-4222-8333-444455556667",
    nics=(replace(NIC, mac="52:54:00:00:00:02"),),
)


def test_a_sound_inventory_passes(tmp_path: Path) -> None:
    diskless = replace(DB, name="x", uuid="6f5ff9d6-1111-4222-8333-444455556668", disks=(), nics=())

    verdict = inventory.validate([WEB, DB, diskless], tmp_path)

    assert (verdict.passed, verdict.failures) == (True, ())
    assert verdict.checks > 20


def other(name: str, number: int, **changes: Any) -> VirtualMachine:
    """A machine that is like no other, but for the changes."""
    nic = replace(NIC, mac=f"52:54:00:00:01:{number:02x}")
    return replace(WEB, name=name, uuid=f"{number:08x}{WEB.uuid[8:]}", nics=(nic,), **({} | changes))


def test_what_makes_no_sense_is_told(tmp_path: Path) -> None:
    wrong = [
        other("web", 1),
        replace(other("twin", 2), uuid=WEB.uuid),
        replace(other("no-uuid", 3), uuid="none"),
        replace(other("", 4)),
        other("no-cpu", 5, cpu=Cpu(0)),
        other("no-memory", 6, memory=0),
        other("no-size", 7, disks=(replace(DISK, size=0),)),
        other("odd-size", 8, disks=(replace(DISK, size=1000),)),
        other("no-path", 9, disks=(replace(DISK, path=""),)),
        other("two-names", 10, disks=(DISK, DISK)),
        replace(other("same-mac", 11), nics=(NIC,)),
        replace(other("no-mac", 12), nics=(replace(NIC, mac="52-54-00"),)),
        replace(other("no-network", 13), nics=(replace(NIC, mac="52:54:00:00:02:01", network=""),)),
    ]

    verdict = inventory.validate([WEB, *wrong], tmp_path)

    assert not verdict.passed
    assert [failure.split(". ")[0] for failure in verdict.failures] == [
        f"Machine '00000004{WEB.uuid[8:]}' has no name",
        "Machine 'web' has a name that another machine has, too",
        "Machine 'web' has a UUID that another machine has, too",
        "Machine 'twin' has a UUID that another machine has, too",
        "Machine 'no-uuid' has a UUID that is none",
        "Machine 'no-cpu' has no CPU",
        "Machine 'no-memory' has no memory",
        "Disk vda of machine '' has no machine",
        "Disk vda of machine 'no-path' has no path",
        "Disk vda of machine 'web' has the name of another",
        "Disk vda of machine 'two-names' has the name of another",
        "Disk vda of machine 'no-size' has no size",
        "Disk vda of machine 'odd-size' has a size that is no multiple of 512 bytes",
        "The network adapter 52:54:00:00:01:04 of machine '' has no machine",
        "The network adapter 52:54:00:00:02:01 of machine 'no-network' has no network",
        "The network adapter 52:54:00:00:00:01 of machine 'web' has a MAC address that another adapter has, too",
        "The network adapter 52:54:00:00:00:01 of machine 'same-mac' has a MAC address that another adapter has, too",
        "The network adapter 52-54-00 of machine 'no-mac' has a MAC address that is none",
    ]


def test_an_empty_inventory_is_no_success(tmp_path: Path) -> None:
    verdict = inventory.validate([], tmp_path)

    assert not verdict.passed
    assert "The inventory is empty." in verdict.failures[0]
