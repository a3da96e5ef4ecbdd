"""On and off: each call does nothing where the machine is so already, and says plainly what it cannot do."""

import pytest
from vcenter_process import make_machine

from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import power, tasks
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
