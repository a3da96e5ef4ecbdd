"""On and off: each call does nothing where the machine is so already, and says plainly what it cannot do."""

from types import SimpleNamespace
from typing import Any

import pytest
from vcenter_process import LOGIN, make_machine

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import power, recent, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import PowerState

NAME = "switched on and off"


@pytest.fixture
def machine(hypervisor: VsphereHypervisor):
    made = make_machine(hypervisor.session, NAME)
    yield made
    hypervisor.power_off(NAME)
    tasks.wait(hypervisor.session, made.Destroy_Task(), "cleaning up", deadline=30)


def test_on_and_off_and_again(hypervisor: VsphereHypervisor, machine: object) -> None:
    for _ in range(2):
        hypervisor.power_on(NAME)
        assert hypervisor.power_state(NAME) is PowerState.RUNNING
    hypervisor.resume(NAME)
    for _ in range(2):
        hypervisor.power_off(NAME)
        assert hypervisor.power_state(NAME) is PowerState.OFF
    hypervisor.shut_down(NAME, 1)


def test_a_guest_without_tools_cannot_be_asked(
    hypervisor: VsphereHypervisor, machine: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyVmomi import vim

    def refuse(_machine: object) -> None:
        raise vim.fault.ToolsUnavailable

    hypervisor.power_on(NAME)
    monkeypatch.setattr(vim.VirtualMachine, "ShutdownGuest", refuse)
    with pytest.raises(OperatorNeededError) as caught:
        hypervisor.shut_down(NAME, 5)
    assert caught.value.message == (
        f"Machine '{NAME}' on 127.0.0.1 runs no VMware Tools, so it cannot be asked to shut down."
    )
    assert hypervisor.power_state(NAME) is PowerState.RUNNING


def test_a_deaf_guest_is_not_forced(
    hypervisor: VsphereHypervisor, machine: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyVmomi import vim

    hypervisor.power_on(NAME)
    monkeypatch.setattr(vim.VirtualMachine, "ShutdownGuest", lambda _machine: None)
    monkeypatch.setattr(power, "_POLL", 0.1)
    with pytest.raises(OperatorNeededError, match="did not shut down within 0.3 seconds"):
        hypervisor.shut_down(NAME, 0.3)
    assert hypervisor.power_state(NAME) is PowerState.RUNNING


def test_a_start_that_ends_well_after_its_deadline_is_no_failure(
    hypervisor: VsphereHypervisor, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "_SECONDS", 0.0)
    monkeypatch.setattr(power, "_POLL", 0.05)
    hypervisor.power_on(NAME)
    assert hypervisor.power_state(NAME) is PowerState.RUNNING
    found = next(one for one in recent.recent(hypervisor.session, machine._moId) if one.user == LOGIN)
    assert (found.what, found.ended) == ("VirtualMachine.powerOn", True)
    assert found.queued is not None


def test_a_start_that_does_not_end_is_told_and_the_machine_counts_as_neither_on_nor_off(
    hypervisor: VsphereHypervisor, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a rollback starts the source, and then the target comes up as well."""
    from pyVmomi import vim

    hanging = recent.Recent(SimpleNamespace(_moId="task-9"), "VirtualMachine.powerOn", False, LOGIN, None)
    cancelled: list[object] = []
    monkeypatch.setattr(power, "recent", lambda *_: [hanging])
    monkeypatch.setattr(vim.VirtualMachine, "PowerOnVM_Task", lambda _machine: pytest.fail("begun twice"))
    monkeypatch.setattr(tasks, "watch", lambda *_args, **_kwargs: iter([tasks.State("running")] * 3))
    monkeypatch.setattr(tasks, "cancel", lambda _session, task: cancelled.append(task))
    for name in ("_SECONDS", "_ENDING", "_POLL"):
        monkeypatch.setattr(power, name, 0.0)
    for call in (hypervisor.power_on, hypervisor.power_off):
        with pytest.raises(RetryableError, match=rf"Machine '{NAME}' on 127\.0\.0\.1 may still start: the task that"):
            call(NAME)
        assert hypervisor.power_state(NAME) is PowerState.OTHER
    assert cancelled == [hanging.reference] * 2
    monkeypatch.undo()


def test_a_start_that_was_cancelled_at_its_deadline_leaves_the_machine_off(
    hypervisor: VsphereHypervisor, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyVmomi import vim

    task = SimpleNamespace(_moId="task-9")
    left = [[], [recent.Recent(task, "VirtualMachine.powerOn", False, LOGIN, None)]]
    monkeypatch.setattr(power, "recent", lambda *_: left.pop() if left else [])
    left.reverse()
    monkeypatch.setattr(vim.VirtualMachine, "PowerOnVM_Task", lambda _machine: task)
    monkeypatch.setattr(tasks, "watch", lambda *_args, **_kwargs: iter([tasks.State("running")] * 3))
    monkeypatch.setattr(tasks, "cancel", lambda *_: None)
    monkeypatch.setattr(power, "_SECONDS", 0.0)
    monkeypatch.setattr(power, "_POLL", 0.0)
    with pytest.raises(RetryableError, match="it is not done after 0 seconds"):
        hypervisor.power_on(NAME)
    monkeypatch.undo()
    assert hypervisor.power_state(NAME) is PowerState.OFF
