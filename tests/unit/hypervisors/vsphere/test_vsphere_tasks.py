"""Waiting for tasks: results, faults in plain words, progress, deadline, and a session that ends in between."""

from typing import Any

import pytest
from vcenter_process import VCenter, make_machine

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import errors, tasks
from drover.hypervisors.vsphere.session import Session


@pytest.fixture
def machine(session: Session, request: pytest.FixtureRequest) -> Any:
    made = make_machine(session, request.node.name)
    yield made
    tasks.wait(session, made.Destroy_Task(), "cleaning up", deadline=30)


def test_a_task_gives_what_it_made(session: Session, machine: Any) -> None:
    snapshot = tasks.wait(session, machine.CreateSnapshot_Task("s", "", False, False), "the snapshot", deadline=30)
    assert type(snapshot).__name__ == "vim.vm.Snapshot"


def test_a_task_about_files_is_no_trap(session: Session, machine: Any) -> None:
    files, center = session.content.fileManager, session.content.rootFolder.childEntity[0]
    task = files.DeleteDatastoreFile_Task("[datastore1] nothing/here.vmdk", center)
    with pytest.raises(OperatorNeededError, match="127.0.0.1, the removal: a file is not there"):
        tasks.wait(session, task, "the removal", deadline=30)


def test_a_fault_is_told_in_plain_words_and_the_state_is_kept(session: Session, machine: Any) -> None:
    task = machine.PowerOffVM_Task()
    with pytest.raises(OperatorNeededError) as caught:
        tasks.wait(session, task, "the power-off of machine 'web'", deadline=30)
    assert caught.value.message.startswith(
        "127.0.0.1, the power-off of machine 'web': it is not in the power state that this needs"
    )
    state = tasks.state_of(session, task)
    assert (state.word, state.ended) == ("error", True)


def test_a_wait_survives_the_end_of_its_session(vcenter: VCenter, session: Session, machine: Any) -> None:
    task = machine.CreateSnapshot_Task("s", "", False, False)
    watching = tasks.watch(session, task)
    next(watching)
    vcenter.ask("end-sessions")
    assert tasks.wait(session, task, "the snapshot", deadline=30) is not None
    assert session.logins >= 2


def test_a_wait_ends_at_its_deadline(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "watch", lambda *_args, **_kwargs: iter([tasks.State("running", 5)] * 3))
    told: list[int] = []
    with pytest.raises(RetryableError, match="the snapshot: it is not done after 0 seconds"):
        tasks.wait(session, None, "the snapshot", deadline=0, progress=told.append)
    assert told == [5]
    monkeypatch.setattr(tasks.time, "monotonic", iter([0.0, 1.0, 10_000.0]).__next__)
    with pytest.raises(RetryableError, match="the removal: it is not done after 3600 seconds"):
        tasks.wait(session, None, "the removal")


@pytest.mark.parametrize(
    ("fault", "kind", "sentence"),
    [
        ("NoDiskSpace", OperatorNeededError, "vc, the copy: the datastore is full."),
        ("FileLocked", RetryableError, "vc, the copy: a file of it is locked by another program or host."),
        ("TaskInProgress", RetryableError, "vc, the copy: another task holds it."),
        ("ToolsUnavailable", OperatorNeededError, "vc, the copy: VMware Tools do not run in the guest."),
    ],
)
def test_faults_have_their_own_sentences(fault: str, kind: type[Exception], sentence: str) -> None:
    from pyVmomi import vim

    told = errors.from_fault("vc", getattr(vim.fault, fault)(), "the copy")
    assert (type(told), told.message) == (kind, sentence)


def test_a_missing_right_is_named() -> None:
    from pyVmomi import vim

    told = errors.from_fault("vc", vim.fault.NoPermission(privilegeId="VirtualMachine.Interact.PowerOn"))
    assert told.message == "vc: the connection's user lacks the right VirtualMachine.Interact.PowerOn."
    assert "docs/connections.md" in told.remedy
