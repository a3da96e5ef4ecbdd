"""Whose a live move is: ours by its mark and its task, and nobody else's is waited for, believed or cancelled."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from movers import kvm_machine, settings

from drover.errors import RetryableError
from drover.hypervisors.port import LiveState
from drover.hypervisors.vsphere import inventory, live, lookup, marks, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.marks import Going
from drover.hypervisors.vsphere.recent import Recent, user_of
from drover.model import Firmware, PowerState, VirtualMachine

BEGUN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GOING = Going("x", "vc", "esx-t2", "esx-t1", ("datastore1",), "i", BEGUN.isoformat(), "drover@vsphere.local", "")


def task(what: str = "VirtualMachine.relocate", user: str | None = r"VSPHERE.LOCAL\Drover", late: int = 1) -> Recent:
    return Recent(SimpleNamespace(_moId="t"), what, False, user, BEGUN + timedelta(seconds=late))


@pytest.mark.parametrize(
    ("found", "ours"),
    [
        (task(), True),
        (task(what="VirtualMachine.relocateVm", user="drover"), True),
        (task(user=None), False),
        (task(user=r"VSPHERE.LOCAL\Administrator"), False),
        (task(user=r"CORP\drover"), False),
        (task(late=-1), False),
        (task(what="VirtualMachine.reconfigure"), False),
        (task(what="Drm.ExecuteVMotionLRO", user=None), False),
    ],
)
def test_a_task_is_ours_by_kind_user_and_time(found: Recent, ours: bool) -> None:
    assert GOING.began(found) is ours


@pytest.fixture
def running(hypervisor: VsphereHypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMachine]:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    machine = kvm_machine("marked", firmware=Firmware.BIOS, nics=(), boot_order=())
    wanted = settings(machine, host="esx-t1")
    hypervisor.define(machine, wanted)
    hypervisor.power_on("marked")
    yield hypervisor.machine("marked")
    hypervisor.power_off("marked")
    hypervisor.tag("marked", wanted.owner)
    hypervisor.remove("marked", wanted.owner)


def put_on(hypervisor: VsphereHypervisor, machine: VirtualMachine, **changes: Any) -> Going:
    """The mark of a move that was killed before it began."""
    session = hypervisor.session
    wanted = settings(machine, host="esx-t2")
    going = Going(
        asked=marks.asked(session, wanted),
        vcenter=session.content.about.instanceUuid,
        host="esx-t2",
        origin="esx-t1",
        stores=("datastore1",) * len(machine.disks),
        instance=inventory.instance(machine),
        begun=session.service_instance.CurrentTime().isoformat(),
        user=user_of(session),
        before="",
    )
    going = replace(going, **changes)
    reference = lookup.require(session, machine.name)
    marks.put_on(session, reference, machine.name, going, replace(wanted.owner, role="started"))
    assert marks.read(session, reference._moId) == going
    return going


def move(hypervisor: VsphereHypervisor, name: str, **spec: Any) -> None:
    """As DRS or a person does it."""
    from pyVmomi import vim

    session = hypervisor.session
    reference = lookup.require(session, name)
    hosts = {one.name: one for one in session.content.rootFolder.childEntity[0].hostFolder.childEntity[0].host}
    asked = vim.vm.RelocateSpec(**({"host": hosts[spec.pop("host")]} if "host" in spec else {}), **spec)
    tasks.wait(session, reference.RelocateVM_Task(asked, "defaultPriority"), "a test's move")


def test_a_machine_that_drs_brought_there_has_not_arrived_without_its_disks(
    hypervisor: VsphereHypervisor, running: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on(hypervisor, running, stores=("small",) * len(running.disks), user="somebody@else")
    move(hypervisor, "marked", host="esx-t2")
    assert hypervisor.live_status("marked", hypervisor).state is LiveState.ABSENT
    put_on(hypervisor, running, user="somebody@else")
    assert hypervisor.live_status("marked", hypervisor).state is LiveState.DONE, "host and disks are as asked"
    put_on(hypervisor, running, instance="of another", user="somebody@else")
    assert hypervisor.live_status("marked", hypervisor).state is LiveState.ABSENT, "a clone's mark"


def test_the_way_back_is_another_move(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    there = settings(running, host="esx-t2")
    back = settings(running, host="esx-t1", owner=replace(there.owner, role="started"))
    for wanted, host in ((there, "esx-t2"), (back, "esx-t1")):
        hypervisor.start_live("marked", hypervisor, wanted, bandwidth=None, paused=False)
        while hypervisor.live_status("marked", hypervisor).state is LiveState.RUNNING:
            """It takes a moment."""
        assert hypervisor.live_status("marked", hypervisor).state is LiveState.DONE
        assert hypervisor.machine("marked").host == host


def test_only_the_disks_may_move(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    wanted = settings(running, host="esx-t1", pool="small")
    hypervisor.start_live("marked", hypervisor, wanted, bandwidth=None, paused=False)
    while hypervisor.live_status("marked", hypervisor).state is LiveState.RUNNING:
        """It takes a moment."""
    assert hypervisor.live_status("marked", hypervisor).state is LiveState.DONE
    moved = hypervisor.machine("marked")
    assert (moved.host, {disk.pool for disk in moved.disks}, moved.state) == ("esx-t1", {"small"}, PowerState.RUNNING)


def test_cancelling_leaves_the_machine_as_it_was(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    put_on(hypervisor, running, before='{"a": "tag"}')
    hypervisor.cancel_live("marked")
    machine = lookup.require(hypervisor.session, "marked")
    assert marks.read(hypervisor.session, machine._moId) is None
    assert marks.before(hypervisor.session, machine._moId, "") == '{"a": "tag"}'


def test_a_machine_that_has_arrived_keeps_the_tag_that_the_way_back_needs(
    hypervisor: VsphereHypervisor, running: VirtualMachine
) -> None:
    wanted = settings(running, host="esx-t2")
    hypervisor.start_live("marked", hypervisor, wanted, bandwidth=None, paused=False)
    while hypervisor.live_status("marked", hypervisor).state is LiveState.RUNNING:
        """It takes a moment."""
    hypervisor.cancel_live("marked")
    tag = hypervisor.machine("marked").ownership
    assert tag == replace(wanted.owner, role="started")


def test_the_move_of_somebody_else_is_not_cancelled(
    hypervisor: VsphereHypervisor, running: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on(hypervisor, running, user="somebody@else")
    cancelled: list[Any] = []
    foreign = Recent(SimpleNamespace(_moId="t"), "VirtualMachine.relocate", False, "me@else", datetime.now(UTC))
    monkeypatch.setattr(marks, "recent", lambda *_: [foreign])
    monkeypatch.setattr(tasks, "cancel", lambda _session, one: cancelled.append(one))
    assert hypervisor.live_status("marked", hypervisor).state is LiveState.ABSENT
    hypervisor.cancel_live("marked")
    assert cancelled == []


def test_a_move_that_does_not_end_when_it_is_cancelled_is_told(
    hypervisor: VsphereHypervisor, running: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on(hypervisor, running)
    ours = Recent(SimpleNamespace(_moId="t"), "VirtualMachine.relocate", False, "administrator", datetime.now(UTC))
    monkeypatch.setattr(marks, "recent", lambda *_: [ours])
    monkeypatch.setattr(live, "_ENDING", 0.0)
    monkeypatch.setattr(tasks, "state_of", lambda *_: tasks.State("running"))
    monkeypatch.setattr(tasks, "watch", lambda *_args, **_kwargs: iter([tasks.State("running")] * 3))
    monkeypatch.setattr(tasks, "cancel", lambda *_: None)
    with pytest.raises(RetryableError, match=r"127\.0\.0\.1 does not end the live move of machine 'marked', though"):
        hypervisor.cancel_live("marked")
    monkeypatch.undo()
