"""Removing a source for good at a vCenter: what is its alone goes, what may carry others stays, and words where not."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import kvm_machine, settings
from vcenter_process import VCenter, disk, make_machine

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.port import Retired, Retiring
from drover.hypervisors.vsphere import lookup, retire, snapshots, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.session import Session
from drover.model import Firmware, Ownership, PowerState, VirtualMachine


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))


@pytest.fixture
def source(hypervisor: VsphereHypervisor) -> VirtualMachine:
    """A machine that a committed move left behind, tagged for its decommission."""
    machine = kvm_machine(
        "old", uuid="2b671a64-40d5-491e-99b0-da01ff1f3342", firmware=Firmware.BIOS, nics=(), boot_order=()
    )
    hypervisor.define(machine, settings(machine))
    hypervisor.tag("old", retiring(machine))
    return hypervisor.machine("old")


def retiring(machine: VirtualMachine, **changes: Any) -> Ownership:
    return replace(settings(machine).owner, role="retiring", **changes)


def file_of(vcenter: VCenter, path: str) -> Path:
    store, _, inside = path[1:].partition("] ")
    return vcenter.folder / store / inside


def changed(session: Session, name: str, **config: Any) -> None:
    from pyVmomi import vim

    task = lookup.require(session, name).ReconfigVM_Task(vim.vm.ConfigSpec(**config))
    tasks.wait(session, task, "a test's change")


def attach(session: Session, name: str, path: str, **backing: Any) -> None:
    """One more disk for the machine: the one at this path."""
    reference = lookup.require(session, name)
    kinds = {type(one).__name__.rpartition(".")[2]: one.key for one in reference.config.hardware.device}
    change = disk(-1, kinds["ParaVirtualSCSIController"], 9, **backing)
    change.fileOperation, change.device.backing.fileName = None, path
    changed(session, name, deviceChange=[change])


def with_disk(hypervisor: VsphereHypervisor, name: str) -> VirtualMachine:
    """A machine with a disk, to be removed by `gone`."""
    machine = kvm_machine(
        name, uuid="3b671a64-40d5-491e-99b0-da01ff1f3343", firmware=Firmware.BIOS, nics=(), boot_order=()
    )
    return hypervisor.define(machine, settings(machine))


def gone(hypervisor: VsphereHypervisor, session: Session, *names: str) -> None:
    """Whatever a test left."""
    for name in names:
        if (found := lookup.find(session, name)) is not None:
            hypervisor.power_off(name)
            tasks.wait(session, found.Destroy_Task(), "a test's end")


def test_the_machine_goes_with_its_disks(
    hypervisor: VsphereHypervisor, vcenter: VCenter, source: VirtualMachine
) -> None:
    assert isinstance(hypervisor, Retiring)
    files = [file_of(vcenter, one.path) for one in source.disks]
    assert all(file.exists() for file in files)
    assert hypervisor.retire("old", retiring(source)) == Retired(tuple(one.path for one in source.disks))
    assert hypervisor.find("old") is None
    assert not any(file.exists() for file in files)
    assert hypervisor.retire("old", retiring(source)) == Retired()


def test_another_tag_or_a_running_machine_stops_it(
    hypervisor: VsphereHypervisor, session: Session, source: VirtualMachine
) -> None:
    for owner in (retiring(source, run="another"), replace(retiring(source), role="migrated")):
        with pytest.raises(OperatorNeededError, match=r"'old' on .* does not carry the tag of this decommission"):
            hypervisor.retire("old", owner)
    hypervisor.power_on("old")
    with pytest.raises(OperatorNeededError, match=r"'old' on 127\.0\.0\.1 is running"):
        hypervisor.retire("old", retiring(source))
    assert hypervisor.machine("old").state is PowerState.RUNNING
    gone(hypervisor, session, "old")


def test_a_machine_that_has_one_of_its_disks_stops_it(
    hypervisor: VsphereHypervisor, session: Session, source: VirtualMachine
) -> None:
    with_disk(hypervisor, "sharer")
    attach(session, "sharer", source.disks[1].path)
    said = r"'sharer' on 127\.0\.0\.1 uses \[datastore1\] old/\S+\.vmdk, a disk of machine 'old'"
    with pytest.raises(OperatorNeededError, match=said):
        hypervisor.retire("old", retiring(source))
    assert [one.path for one in hypervisor.machine("old").disks] == [one.path for one in source.disks]
    # Frozen by a snapshot, its own disk is another file, which lies upon that one.
    snapshots.create(session, lookup.require(session, "sharer"), "sharer", "test")
    with pytest.raises(OperatorNeededError, match=said):
        hypervisor.retire("old", retiring(source))
    gone(hypervisor, session, "sharer", "old")


def test_a_linked_clone_of_it_stops_it(hypervisor: VsphereHypervisor, session: Session, source: VirtualMachine) -> None:
    """Its own disk lies upon one of ours."""
    from pyVmomi import vim

    own = with_disk(hypervisor, "clone").disks[0]
    below = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName=source.disks[0].path, diskMode="persistent")
    attach(session, "clone", own.path, parent=below)
    with pytest.raises(OperatorNeededError, match=r"'clone' on 127\.0\.0\.1 uses \[datastore1\] old/"):
        hypervisor.retire("old", retiring(source))
    assert hypervisor.find("old") is not None
    gone(hypervisor, session, "clone", "old")


def test_what_is_not_its_alone_stays_and_a_killed_one_is_repeated(
    hypervisor: VsphereHypervisor,
    session: Session,
    vcenter: VCenter,
    source: VirtualMachine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lent = with_disk(hypervisor, "lender").disks[0].path
    attach(session, "old", lent, sharing="sharingMultiWriter")

    def killed(*_: Any) -> None:
        raise RetryableError("killed", remedy="again")

    with monkeypatch.context() as patched:
        patched.setattr(retire, "_destroy", killed)
        with pytest.raises(RetryableError, match="killed"):
            hypervisor.retire("old", retiring(source))
    found = hypervisor.machine("old")
    assert found.ownership == retiring(source), "the definition goes last"
    assert lent not in {one.path for one in found.disks}
    assert hypervisor.retire("old", retiring(source)) == Retired(tuple(one.path for one in source.disks), (lent,))
    assert hypervisor.find("old") is None
    assert file_of(vcenter, lent).exists()
    assert [one.path for one in hypervisor.machine("lender").disks][:1] == [lent]
    gone(hypervisor, session, "lender")


@pytest.mark.parametrize("ended", [True, False])
def test_a_removal_that_another_try_began_may_end_first(
    hypervisor: VsphereHypervisor,
    session: Session,
    source: VirtualMachine,
    monkeypatch: pytest.MonkeyPatch,
    ended: bool,
) -> None:
    """The task of a killed try goes on at the server: ours then finds no machine, which is what was wanted."""
    real = tasks.wait

    def late(session: Session, task: Any, what: str, **more: Any) -> Any:
        if ended:
            real(session, task, what, **more)
        raise OperatorNeededError("the machine was already deleted", remedy="none")

    monkeypatch.setattr(tasks, "wait", late)
    if ended:
        assert len(hypervisor.retire("old", retiring(source)).removed) == 2
    else:
        monkeypatch.setattr(type(lookup.require(session, "old")), "Destroy_Task", lambda _: None)
        with pytest.raises(OperatorNeededError, match="already deleted"):
            hypervisor.retire("old", retiring(source))
        monkeypatch.undo()
        gone(hypervisor, session, "old")


def test_snapshots_of_others_stop_it_and_its_own_reader_s_does_not(
    hypervisor: VsphereHypervisor, session: Session, source: VirtualMachine
) -> None:
    reference = lookup.require(session, "old")
    tasks.wait(session, reference.CreateSnapshot_Task("before update", "", False, False), "a test's snapshot")
    with pytest.raises(OperatorNeededError, match=r"has snapshots \(before update\), which its backup does not hold"):
        hypervisor.retire("old", retiring(source))
    tasks.wait(session, reference.RemoveAllSnapshots_Task(), "a test's end")
    snapshots.create(session, reference, "old", "read")
    assert len(hypervisor.retire("old", retiring(source)).removed) == 2
    assert hypervisor.find("old") is None


def test_a_machine_whose_disks_nobody_can_tell_stops_it(
    hypervisor: VsphereHypervisor, session: Session, source: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An inaccessible one has no configuration at the server."""
    make_machine(session, "inaccessible")
    whole = retire.retrieve

    def without(*given: Any) -> Any:
        for one in whole(*given):
            if one.text("name") == "inaccessible":
                one.properties.pop("config.hardware.device", None)
            yield one

    monkeypatch.setattr(retire, "retrieve", without)
    with pytest.raises(
        OperatorNeededError, match=r"Nobody can tell whether machine 'inaccessible' on 127\.0\.0\.1 uses"
    ):
        hypervisor.retire("old", retiring(source))
    assert hypervisor.find("old") is not None
    gone(hypervisor, session, "old", "inaccessible")


def test_a_disk_lies_upon_all_that_is_below_it() -> None:
    below = "<parent><fileName>[a] b.vmdk</fileName><parent><fileName>[a] c.vmdk</fileName></parent></parent>"
    backing = ET.fromstring(f'<backing xmlns="urn:vim25"><fileName>[a] a.vmdk</fileName>{below}</backing>')
    assert list(retire._chain(backing)) == ["[a] a.vmdk", "[a] b.vmdk", "[a] c.vmdk"]
