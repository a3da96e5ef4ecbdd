"""Machines with names that somebody could take for something else: made, written, read, exported and removed."""

from dataclasses import replace
from pathlib import Path

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.hypervisors.vsphere import tasks
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
