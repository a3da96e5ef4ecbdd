"""Changed block tracking: switched on before a running machine is frozen, told, and never in the way of a read."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.errors import DroverError
from drover.hypervisors.vsphere import lookup, tasks, used
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Firmware, PowerState

NAME = "tracked"
CONTENTS = [data(1, 3 * MIB)]
ON = "Changed block tracking of machine 'tracked' on 127.0.0.1 was off; Drover has switched it on, and leaves it on."


@pytest.fixture
def machine(hypervisor: VsphereHypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """One that runs, whose tracking is off. `vim.VirtualMachine`."""
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    made = kvm_machine(NAME, firmware=Firmware.BIOS, nics=(), boot_order=())
    made = replace(made, disks=(replace(made.disks[0], size=3 * MIB, allocated=3 * MIB),))
    wanted = settings(made)
    hypervisor.define(made, wanted)
    fill(hypervisor, NAME, wanted.owner, CONTENTS, tmp_path)
    hypervisor.power_on(NAME)
    reference = lookup.require(hypervisor.session, NAME)
    yield reference
    tasks.wait(hypervisor.session, reference.RemoveAllSnapshots_Task(), "a test's snapshots")
    hypervisor.power_off(NAME)
    hypervisor.remove(NAME, wanted.owner)


def test_it_is_switched_on_once_and_what_it_lists_is_asked(
    hypervisor: VsphereHypervisor, machine: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    listed: list[int] = []
    real = used._listed

    def told(*given: Any) -> list[tuple[int, int]]:
        areas = real(*given)
        listed.append(sum(length for _, length in areas))
        return areas

    monkeypatch.setattr(used, "_listed", told)
    for _ in range(2):
        with hypervisor.read_disks(NAME) as disks:
            assert contents(disks) == CONTENTS
    assert hypervisor.machine(NAME).changed_blocks is True
    assert caplog.messages.count(ON) == 1
    assert listed == [2 * MIB] * 2, "of the disk as the snapshot froze it"


def test_a_machine_that_is_off_or_has_snapshots_is_left_as_it_is(hypervisor: VsphereHypervisor, machine: Any) -> None:
    session = hypervisor.session
    tasks.wait(session, machine.CreateSnapshot_Task("the user's own", "", False, False), "a test's snapshot")
    with hypervisor.read_disks(NAME):
        """Through a lease, which asks for no list."""
    tasks.wait(session, machine.RemoveAllSnapshots_Task(), "a test's snapshots")
    hypervisor.power_off(NAME)
    with hypervisor.read_disks(NAME):
        assert hypervisor.machine(NAME).state is PowerState.OFF
    assert hypervisor.machine(NAME).changed_blocks is False


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        ("ReconfigVM_Task", "lacks the right VirtualMachine.Config.ChangeTracking. Its disks are read whole."),
        ("QueryChangedDiskAreas", "tracked-flat.vmdk is read whole: 127.0.0.1: the connection's user lacks the right"),
    ],
)
def test_where_it_cannot_be_had_the_disks_are_read_whole(
    hypervisor: VsphereHypervisor,
    machine: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    refused: str,
    says: str,
) -> None:
    """The same where a list was reset, or the host cannot give it: whatever it says, it is no reason not to read."""
    from pyVmomi import vim

    def no(*_: Any, **__: Any) -> None:
        raise vim.fault.NoPermission(privilegeId="VirtualMachine.Config.ChangeTracking")

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(vim.VirtualMachine, refused, no)
    try:
        with hypervisor.read_disks(NAME) as disks:
            assert contents(disks) == CONTENTS
    finally:
        monkeypatch.undo()
    assert says in caplog.text


def test_a_line_that_breaks_meanwhile_is_tried_again_and_not_passed_over(
    hypervisor: VsphereHypervisor, vcenter: VCenter, machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyVmomi import vim

    def broken(*_: Any, **__: Any) -> None:
        raise ConnectionResetError

    monkeypatch.setattr(vim.VirtualMachine, "ReconfigVM_Task", broken)
    try:
        with pytest.raises(DroverError, match=r"The connection to 127\.0\.0\.1 failed"):
            hypervisor.read_disks(NAME).__enter__()
    finally:
        monkeypatch.undo()
