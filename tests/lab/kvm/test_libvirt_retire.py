"""A source is removed with the disks that are its alone; whatever else uses one of them, by any way, stops it."""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import libvirt
import pytest
from kvm_hosts import FOLDER, ODD_NAME, settings_for

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import define
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.model import Ownership, VirtualMachine

pytestmark = pytest.mark.lab
Make = Callable[..., VirtualMachine]
ELSEWHERE = "/var/lib/libvirt/else where"
DOMAIN = """<domain type='qemu'><name>{}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os><devices>
<disk type='{}'><driver name='qemu' type='qcow2'/><source {}/><target dev='vda' bus='virtio'/></disk>
</devices></domain>"""
SQUAT = """
mkdir -p "$1"; cd "$1"; rm -f *
qemu-img create -q -f qcow2 -b "$2" -F qcow2 mid.qcow2; qemu-img create -q -f qcow2 -b mid.qcow2 -F qcow2 top.qcow2
ln -s "$2" link.qcow2; echo nothing >broken.qcow2
"""


class Killed(BaseException):
    """The worker ended here."""


@pytest.fixture
def source(a: LibvirtHypervisor, make: Make) -> tuple[VirtualMachine, Ownership]:
    machine = make(uefi=True)
    owner = replace(settings_for(machine).owner, role="retiring")
    a.tag(ODD_NAME, owner)
    return a.machine(ODD_NAME), owner


def files(a: LibvirtHypervisor) -> set[str]:
    return set(a.connection.ssh.check(["ls", "-A", FOLDER]).decode().split())


def test_the_disks_go_and_only_these_also_after_a_kill(
    a: LibvirtHypervisor, source: tuple[VirtualMachine, Ownership], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, owner = source
    a.connection.ssh.check(["qemu-img", "create", "-q", "-f", "qcow2", f"{FOLDER}/other.qcow2", "1M"])
    a.connection.libvirt.defineXML(DOMAIN.format("other", "file", f"file='{FOLDER}/other.qcow2'"))
    a.connection.libvirt.defineXML(DOMAIN.format("volumeless", "volume", "pool='default' volume='none.qcow2'"))

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(define, "undefine", die)
        with pytest.raises(Killed):
            a.retire(ODD_NAME, owner)
    assert a.retire(ODD_NAME, owner).removed == tuple(disk.path for disk in machine.disks)

    assert files(a) == {"other.qcow2"}
    left = {one.name: one for one in a.machines()}
    assert left.keys() == {"other", "volumeless"}
    # A machine whose volume is gone keeps nobody from reading the others of its host.
    assert [disk.path for disk in left["volumeless"].disks] == [f"{FOLDER}/none.qcow2"]
    assert left["volumeless"].devices == ("unreadable-disk-vda",)
    assert a.retire(ODD_NAME, owner).removed == ()


def test_whatever_uses_a_disk_stops_it(a: LibvirtHypervisor, source: tuple[VirtualMachine, Ownership]) -> None:
    """A machine lies upon it through one more image, or has it by another name, or by one that nobody can read; an
    image that is no machine's lies upon it; the pool that could remove it is stopped; it has a snapshot."""
    machine, owner = source
    disk = machine.disks[0].path
    before = files(a)
    a.connection.ssh.check(["sh", "-c", SQUAT, "sh", ELSEWHERE, disk])

    def refused(words: str) -> None:
        with pytest.raises(OperatorNeededError, match=words):
            a.retire(ODD_NAME, owner)

    for image, words in (("top", "'squatter' on kvm-a uses"), ("link", "uses"), ("broken", "qemu-img cannot read")):
        squatter = a.connection.libvirt.defineXML(
            DOMAIN.format("squatter", "file", f"file='{ELSEWHERE}/{image}.qcow2'")
        )
        refused(words)
        squatter.undefine()
    upon = f"{FOLDER}/upon.qcow2"
    a.connection.ssh.check(["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk, "-F", "qcow2", upon])
    refused(f"The image {upon} on kvm-a uses {disk}")
    a.connection.ssh.check(["rm", upon])
    assert files(a) == before

    pool = a.connection.libvirt.storagePoolLookupByName("default")
    pool.destroy()
    try:
        refused("is still there after it was removed")
    finally:
        pool.create()
    assert files(a) == before
    assert a.find(ODD_NAME) is not None


def test_a_snapshot_stops_it(a: LibvirtHypervisor, source: tuple[VirtualMachine, Ownership]) -> None:
    """What it holds is in no backup."""
    _, owner = source
    domain = a.connection.domain(ODD_NAME)
    domain.detachDeviceFlags(_raw_disk(domain.XMLDesc(0)), libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    before = files(a)
    snapshot = domain.snapshotCreateXML("<domainsnapshot><name>before</name></domainsnapshot>", 0)
    with pytest.raises(OperatorNeededError, match=r"has snapshots \(before\)"):
        a.retire(ODD_NAME, owner)
    assert files(a) == before
    snapshot.delete()
    assert len(a.retire(ODD_NAME, owner).removed) == 1


def _raw_disk(text: str) -> str:
    found = next(disk for disk in ET.fromstring(text).iter("disk") if "vdb" in ET.tostring(disk, encoding="unicode"))
    return ET.tostring(found, encoding="unicode")
