"""Machines with names that somebody could take for something else: made, written, read, exported and removed."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.hypervisors.vsphere import disks_in, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.lookup import require

CONTENT = data(9, 2 * MIB)


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))


@pytest.mark.parametrize(
    "name", ["50% off", "a/b\\c", "100%2fliteral", 'it\'s "quoted" & <tagged>', "two  spaces", "ünïcode; $(id) #?"]
)
def test_its_disks_come_and_go(hypervisor: VsphereHypervisor, vcenter: VCenter, tmp_path: Path, name: str) -> None:
    before = sorted((vcenter.folder / "datastore1").iterdir())
    machine = kvm_machine(name)
    machine = replace(machine, disks=(replace(machine.disks[0], size=2 * MIB, allocated=2 * MIB),))
    wanted = settings(machine)
    made = hypervisor.define(machine, wanted)
    assert (made.name, hypervisor.machine(name).id) == (name, made.id)
    fill(hypervisor, name, wanted.owner, [CONTENT], tmp_path)
    with hypervisor.read_disks(name) as disks:
        assert contents(disks) == [CONTENT]
        assert "through its datastore file" in disks["scsi0:0"].label
    # Through a lease as well: a snapshot chain lies upon its disk.
    reference = require(hypervisor.session, name)
    tasks.wait(hypervisor.session, reference.CreateSnapshot_Task("50% / off", "", False, False), "a snapshot")
    assert hypervisor.machine(name).snapshots == ("50% / off",)
    with hypervisor.read_disks(name) as disks:
        assert contents(disks) == [CONTENT]
        assert "through an export lease" in disks["scsi0:0"].label
    tasks.wait(hypervisor.session, reference.RemoveAllSnapshots_Task(), "a removal")
    hypervisor.remove(name, wanted.owner)
    assert hypervisor.find(name) is None
    assert sorted((vcenter.folder / "datastore1").iterdir()) == before


def test_datacenters_and_datastores_have_odd_names_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their names are in the address of every file of theirs, where a slash means something else."""
    place, store = "north / south, 50% 'x' & y", 'fast/new 50% "x" #1'
    (tmp_path / "vc").mkdir()
    vcenter = VCenter(tmp_path / "vc", datacenter=place, datastore=store)
    try:
        with VsphereHypervisor(vcenter.spec()) as hypervisor:
            assert [pool.name for pool in hypervisor.pools()] == [store, "small"]
            machine = kvm_machine("web 100%2fliteral")
            machine = replace(machine, disks=(replace(machine.disks[0], size=2 * MIB, allocated=2 * MIB),))
            wanted = settings(machine, pool=store)
            assert hypervisor.define(machine, wanted).disks[0].pool == store
            for content in (CONTENT, CONTENT[::-1]):
                fill(hypervisor, machine.name, wanted.owner, [content], tmp_path)
                with hypervisor.read_disks(machine.name) as disks:
                    assert contents(disks) == [content]
                    assert "through its datastore file" in disks["scsi0:0"].label
                # The second time through the datastore's files.
                monkeypatch.setattr(disks_in, "_through_lease", lambda *_: False)
            hypervisor.remove(machine.name, wanted.owner)
            assert list((vcenter.folder / "datastore1").iterdir()) == []
    finally:
        vcenter.stop()


def test_what_a_killed_upload_took_is_removed_whatever_its_folder_is_called(
    hypervisor: VsphereHypervisor, vcenter: VCenter
) -> None:
    """The server names the folder after the machine, and leaves out of that what no folder may be called."""
    carrier = kvm_machine("a/b 50%-drover-upload", host="esx-t1")
    for name in ("a_b 50_-drover-upload", "somebody's"):
        (vcenter.folder / "datastore1" / name).mkdir()
        (vcenter.folder / "datastore1" / name / "detached.vmdk").touch()
        disks_in._remove_folder(hypervisor.session, f"[datastore1] {name}", carrier)
    left = vcenter.folder / "datastore1" / "somebody's"
    assert not (vcenter.folder / "datastore1" / "a_b 50_-drover-upload").exists()
    assert (left / "detached.vmdk").exists()
    shutil.rmtree(left)
