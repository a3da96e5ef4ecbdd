import pytest
from factory import CRITICAL, ask, categories, disk, host, is_unknown, machine, preflight

from drover.concerns import disk_format as concern
from drover.model import DiskFormat


@pytest.mark.parametrize("good", [DiskFormat.RAW, DiskFormat.QCOW2])
def test_what_kvm_runs_on_is_no_concern(good):
    assert categories(concern, preflight(machine(disks=(disk(format=good),)))) == []


@pytest.mark.parametrize("bad", [DiskFormat.VMDK, DiskFormat.VHDX, DiskFormat.VHD])
def test_what_kvm_only_reads_blocks(bad):
    assert categories(concern, preflight(machine(disks=(disk(format=bad),)))) == [CRITICAL]


def test_another_kind_makes_the_disks_in_a_format_of_its_own():
    vmdk = machine(hypervisor="vsphere", disks=(disk(format=DiskFormat.VMDK),))
    assert categories(concern, preflight(vmdk)) == []
    assert categories(concern, preflight(vmdk, target=host(hypervisor="vsphere"))) == []


def test_a_format_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(machine(disks=(disk(format=None),)))))
    assert is_unknown(ask(concern, preflight(target=host(hypervisor="novel"))))
