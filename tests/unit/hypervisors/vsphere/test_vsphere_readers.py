"""Each reader freezes a machine by a snapshot of its own: found by its retry, touched by no other, wholly removed."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from movers import kvm_machine, settings
from vcenter_process import VCenter

from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import disks_out, lookup, snapshots, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.recent import recent
from drover.model import Firmware, VirtualMachine

NAME = "read"


@pytest.fixture
def running(hypervisor: VsphereHypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMachine]:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    machine = kvm_machine(NAME, firmware=Firmware.BIOS, nics=(), boot_order=())
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    hypervisor.power_on(NAME)
    yield hypervisor.machine(NAME)
    hypervisor.power_off(NAME)
    hypervisor.remove(NAME, wanted.owner)


def killed(hypervisor: VsphereHypervisor, machine: VirtualMachine) -> None:
    """Freezes the machine as a reader does that is killed then."""
    reference = lookup.require(hypervisor.session, NAME)
    snapshots.create(hypervisor.session, reference, NAME, disks_out._purpose(hypervisor.session))


def test_a_retry_removes_what_it_left_and_another_reader_does_not(vcenter: VCenter, running: VirtualMachine) -> None:
    with (
        VsphereHypervisor(vcenter.spec(reader="wave/run-1/read")) as first,
        VsphereHypervisor(vcenter.spec(reader="export on here")) as second,
    ):
        killed(first, running)
        (left,) = first.machine(NAME).snapshots
        with second.read_disks(NAME) as endpoints:
            assert len(endpoints) == 2
            assert len(second.machine(NAME).snapshots) == 2
        second.release_disks(NAME)
        assert second.machine(NAME).snapshots == (left,), "another reader's stays"
        with first.read_disks(NAME):
            assert first.machine(NAME).snapshots == (left,), "the name is the same, the old one is gone"
        assert first.machine(NAME).snapshots == ()
        killed(first, running)
        first.release_disks(NAME)
        assert first.machine(NAME).snapshots == ()


@pytest.mark.parametrize("tools", [True, False])
def test_a_guest_whose_tools_run_is_asked_to_hold_still(
    hypervisor: VsphereHypervisor, running: VirtualMachine, caplog: pytest.LogCaptureFixture, tools: bool
) -> None:
    from pyVmomi import vim

    session, reference = hypervisor.session, lookup.require(hypervisor.session, NAME)
    if not tools:
        without = vim.vm.ConfigSpec(extraConfig=[vim.option.OptionValue(key="drover.tools", value="none")])
        hypervisor.power_off(NAME)
        tasks.wait(session, reference.ReconfigVM_Task(without), "a test's change")
        hypervisor.power_on(NAME)
    assert snapshots.create(session, reference, NAME, "read").quiesced is tools
    crashed = f"Machine '{NAME}' runs no VMware Tools: its snapshot is as after a power cut, not quiesced."
    assert (crashed in caplog.text) is not tools
    snapshots.remove(session, reference, NAME, "read")


def scattered(machine: VirtualMachine) -> bool:
    """What the vCenter itself says."""
    return machine.consolidation_needed


@pytest.fixture
def faults(vcenter: VCenter) -> Iterator[Callable[..., None]]:
    yield lambda **wanted: vcenter.ask("faults", faults=wanted)
    vcenter.ask("faults", faults={})


def test_a_snapshot_that_is_still_being_taken_is_waited_for(
    hypervisor: VsphereHypervisor, running: VirtualMachine, faults: Callable[..., None]
) -> None:
    """Its reader was killed while the vCenter took it: it is in no list yet."""
    session, reference = hypervisor.session, lookup.require(hypervisor.session, NAME)
    faults(slow_snapshots=700)
    snapshots.begin(session, reference, NAME, disks_out._purpose(session))
    assert hypervisor.machine(NAME).snapshots == ()
    hypervisor.release_disks(NAME)
    hypervisor.release_disks(NAME)
    assert [one.what for one in recent(session, reference._moId) if not one.ended] == []
    assert hypervisor.machine(NAME).snapshots == ()


def test_a_retry_takes_the_place_of_a_snapshot_that_is_still_being_taken(
    hypervisor: VsphereHypervisor, running: VirtualMachine, faults: Callable[..., None]
) -> None:
    session, reference = hypervisor.session, lookup.require(hypervisor.session, NAME)
    faults(slow_snapshots=500)
    older = snapshots.begin(session, reference, NAME, "read")
    taken = snapshots.create(session, reference, NAME, "read")
    assert tasks.wait(session, older, "the older one")._moId != taken.reference._moId
    assert hypervisor.machine(NAME).snapshots == ("drover read",)
    snapshots.remove(session, reference, NAME, "read")


def test_a_removal_that_still_runs_is_waited_for(
    hypervisor: VsphereHypervisor, running: VirtualMachine, faults: Callable[..., None]
) -> None:
    """Killed in it, and then the disks still lie in files that must be merged."""
    killed(hypervisor, running)
    faults(slow_snapshots=500, keep_files=1)
    (left,) = snapshots.listed(hypervisor.session, lookup.require(hypervisor.session, NAME))
    left.reference.RemoveSnapshot_Task(removeChildren=False)
    hypervisor.release_disks(NAME)
    assert hypervisor.machine(NAME).snapshots == ()
    assert not scattered(hypervisor.machine(NAME))


def test_files_that_a_removed_snapshot_leaves_are_consolidated(
    hypervisor: VsphereHypervisor, running: VirtualMachine, faults: Callable[..., None]
) -> None:
    killed(hypervisor, running)
    faults(keep_files=1)
    hypervisor.release_disks(NAME)
    found = hypervisor.machine(NAME)
    assert not scattered(found)
    assert [disk.path for disk in found.disks] == [disk.path for disk in running.disks], "and none in a delta"


def test_files_that_stay_all_the_same_are_told_until_they_are_gone(
    hypervisor: VsphereHypervisor,
    running: VirtualMachine,
    faults: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshots, "_SETTLING", 0.0)
    monkeypatch.setattr(snapshots, "_POLL", 0.0)
    killed(hypervisor, running)
    faults(keep_files=3)
    for _ in range(2):
        with pytest.raises(OperatorNeededError, match=rf"Machine '{NAME}' on 127\.0\.0\.1 still writes into files of"):
            hypervisor.release_disks(NAME)
        assert hypervisor.machine(NAME).snapshots == ()
        assert scattered(hypervisor.machine(NAME))
    hypervisor.release_disks(NAME)
    assert not scattered(hypervisor.machine(NAME))


def test_files_that_another_left_are_not_touched(
    hypervisor: VsphereHypervisor,
    running: VirtualMachine,
    faults: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A backup program's: it may still have them open."""
    session, reference = hypervisor.session, lookup.require(hypervisor.session, NAME)
    tasks.wait(session, reference.CreateSnapshot_Task("theirs", "", False, False), "a test's snapshot")
    faults(keep_files=1)
    tasks.wait(session, reference.RemoveAllSnapshots_Task(), "a test's snapshots")
    hypervisor.release_disks(NAME)
    assert scattered(hypervisor.machine(NAME))
    assert f"Machine '{NAME}' writes into files of a removed snapshot that nobody knows to be Drover's" in caplog.text
    tasks.wait(session, reference.ConsolidateVMDisks_Task(), "a test's consolidation")


def test_the_users_own_snapshot_of_that_name_stays(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    machine = lookup.require(hypervisor.session, NAME)
    session = hypervisor.session
    tasks.wait(session, machine.CreateSnapshot_Task("drover read", "mine", False, False), "a test's snapshot")
    hypervisor.release_disks(NAME)
    assert hypervisor.machine(NAME).snapshots == ("drover read",)
    with suppress(OperatorNeededError):
        tasks.wait(session, machine.RemoveAllSnapshots_Task(), "a test's snapshots")
