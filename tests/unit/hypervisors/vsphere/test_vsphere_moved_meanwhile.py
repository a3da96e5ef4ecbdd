"""Between plan and run somebody moves a machine or renames it: where it is does not matter, its name does."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter, make_machine

from drover.errors import BadInputError
from drover.hypervisors.vsphere import lookup, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.session import Session
from drover.model import Ownership

NAME = "planned"
CONTENT = data(11, 2 * MIB)


@pytest.fixture
def owner(hypervisor: VsphereHypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ownership]:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    machine = kvm_machine(NAME, nics=(), boot_order=())
    machine = replace(machine, disks=(replace(machine.disks[0], size=2 * MIB, allocated=2 * MIB),))
    wanted = settings(machine, host="esx-t1")
    hypervisor.define(machine, wanted)
    fill(hypervisor, NAME, wanted.owner, [CONTENT], tmp_path)
    yield wanted.owner
    hypervisor.remove(NAME, wanted.owner)


@pytest.fixture
def somebody(vcenter: VCenter) -> Iterator[Session]:
    """Who works at the vCenter beside Drover."""
    with VsphereHypervisor(vcenter.spec()) as opened:
        yield opened.session


def to_a_folder(session: Session, machine: Any) -> Any:
    center = session.content.rootFolder.childEntity[0]
    return center.vmFolder.CreateFolder("sorted anew").MoveIntoFolder_Task([machine])


def to_a_host(session: Session, machine: Any) -> Any:
    from pyVmomi import vim

    cluster = session.content.rootFolder.childEntity[0].hostFolder.childEntity[0]
    (host,) = (one for one in cluster.host if one.name == "esx-t2")
    return machine.RelocateVM_Task(vim.vm.RelocateSpec(host=host), "defaultPriority")


def to_a_datastore(session: Session, machine: Any) -> Any:
    from pyVmomi import vim

    (store,) = (one for one in session.content.rootFolder.childEntity[0].datastore if one.name == "small")
    return machine.RelocateVM_Task(vim.vm.RelocateSpec(datastore=store), "defaultPriority")


@pytest.mark.parametrize("move", [to_a_folder, to_a_host, to_a_datastore])
def test_one_that_was_moved_is_read_where_it_is(
    hypervisor: VsphereHypervisor, somebody: Session, owner: Ownership, move: Callable[[Session, Any], Any]
) -> None:
    before = hypervisor.machine(NAME)
    path = lookup.path(hypervisor.session, before.id or "")
    tasks.wait(somebody, move(somebody, lookup.require(somebody, NAME)), "a move", deadline=30)
    after = hypervisor.machine(NAME)
    assert (after.id, after.uuid, after.ownership) == (before.id, before.uuid, owner)
    here = (lookup.path(hypervisor.session, after.id or ""), after.host, after.disks[0].pool)
    there = {
        to_a_folder: ("site-t/vm/sorted anew/planned", "esx-t1", "datastore1"),
        to_a_host: (path, "esx-t2", "datastore1"),
        to_a_datastore: (path, "esx-t1", "small"),
    }
    assert here == there[move], "and the user reads where that is"
    with hypervisor.read_disks(NAME) as disks:
        assert contents(disks) == [CONTENT]


def read(hypervisor: VsphereHypervisor) -> None:
    with hypervisor.read_disks(NAME):
        pytest.fail("it was read")


STEPS: tuple[Callable[[VsphereHypervisor], object], ...] = (
    read,
    lambda hypervisor: hypervisor.power_state(NAME),
    lambda hypervisor: hypervisor.power_on(NAME),
    lambda hypervisor: hypervisor.shut_down(NAME, 1.0),
)


def test_one_that_was_renamed_is_not_touched_and_the_user_reads_why(
    hypervisor: VsphereHypervisor, somebody: Session, owner: Ownership
) -> None:
    machine = lookup.require(somebody, NAME)
    hypervisor.machine(NAME)  # So its id is known: it must not be what finds the machine again.
    tasks.wait(somebody, machine.Rename_Task("planned (old)"), "a rename", deadline=30)
    other = None
    try:
        for step in STEPS:
            with pytest.raises(BadInputError) as told:
                step(hypervisor)
            assert told.value.message == f"There is no machine named '{NAME}' on 127.0.0.1."
            assert told.value.remedy == (
                "Check the name (as the vSphere client shows it) and the connection; "
                "if somebody renamed it since the wave was planned, put the new name into the wave."
            )
        other = make_machine(somebody, NAME)
        found = hypervisor.machine(NAME)
        assert (found.id, found.ownership) == (other._moId, None), "what has the name now is another one"
    finally:
        if other is not None:
            tasks.wait(somebody, other.Destroy_Task(), "cleaning up", deadline=30)
        tasks.wait(somebody, machine.Rename_Task(NAME), "a rename", deadline=30)
