"""The trial's ways in, and its way back: nothing boots where no check could be asked, and nothing stays behind."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import kvm_machine, settings
from vcenter_process import VCenter

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.vsphere import lookup, snapshots, tasks, trial
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.networks import Network
from drover.hypervisors.vsphere.recent import recent
from drover.model import Firmware, PowerState, VirtualMachine


@pytest.fixture
def made(hypervisor: VsphereHypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualMachine]:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    machine = kvm_machine("tried", firmware=Firmware.BIOS, nics=(), boot_order=())
    wanted = settings(machine)
    yield hypervisor.define(machine, wanted)
    hypervisor.remove("tried", wanted.owner)


def enter(hypervisor: VsphereHypervisor, made: VirtualMachine, network: str) -> None:
    with hypervisor.isolated_trial("tried", network, settings(kvm_machine("tried")).owner):
        pytest.fail("it booted")


def isolated(*_: object) -> list[Network]:
    return [Network("isolated", True, None, True), Network("production", True, None, False)]


def test_without_a_way_in_nothing_boots(
    hypervisor: VsphereHypervisor, made: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial.networks, "networks", isolated)
    with pytest.raises(OperatorNeededError, match=r"gives no way into an isolated network, so a trial's checks could"):
        enter(hypervisor, made, "isolated")
    with pytest.raises(
        OperatorNeededError, match=r"The network 'production' on 127\.0\.0\.1 is not isolated, so nothing"
    ):
        enter(hypervisor, made, "production")
    with pytest.raises(OperatorNeededError, match=r"The test network 'gone' is not there on 127\.0\.0\.1\."):
        enter(hypervisor, made, "gone")
    assert hypervisor.machine("tried").snapshots == ()


@pytest.mark.parametrize("jump", ["-oProxyCommand=x", "root@-x", "root@host:ssh", "@"])
def test_a_way_in_that_is_no_host_is_refused(
    vcenter: VCenter, made: VirtualMachine, jump: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial.networks, "networks", isolated)
    spec = vcenter.spec()
    with VsphereHypervisor(vcenter.spec(extra={**spec.extra, "trial_jump": jump})) as opened:
        with pytest.raises(BadInputError, match=r"The field 'trial_jump' of the connection 'vc_test' is no SSH host\."):
            enter(opened, made, "isolated")
        assert opened.machine("tried").snapshots == ()


def test_what_a_killed_trial_left_is_taken_back(hypervisor: VsphereHypervisor, made: VirtualMachine) -> None:
    session = hypervisor.session
    machine: Any = lookup.require(session, "tried")
    tasks.wait(session, machine.CreateSnapshot_Task("the user's own", "", False, False), "a test's snapshot")
    snapshots.create(session, machine, "tried", "trial")
    hypervisor.power_on("tried")
    trial.clean_up(session, "tried")
    after = hypervisor.machine("tried")
    assert (after.state, after.snapshots) == (PowerState.OFF, ("the user's own",))
    trial.clean_up(session, "tried")
    tasks.wait(session, machine.RemoveAllSnapshots_Task(), "a test's snapshots")


def test_another_purpose_that_ends_in_the_same_word_is_no_trial(
    hypervisor: VsphereHypervisor, made: VirtualMachine
) -> None:
    """As somebody's own DAG takes it, by the snapshot operator: the machine is not put back to it."""
    session = hypervisor.session
    machine: Any = lookup.require(session, "tried")
    snapshots.create(session, machine, "tried", "before trial")
    hypervisor.power_on("tried")
    trial.clean_up(session, "tried")
    after = hypervisor.machine("tried")
    assert (after.state, after.snapshots) == (PowerState.RUNNING, ("drover before trial",))
    hypervisor.power_off("tried")
    snapshots.remove(session, machine, "tried", "before trial")


def test_a_trial_that_was_killed_while_its_snapshot_was_taken_leaves_none(
    hypervisor: VsphereHypervisor, vcenter: VCenter, made: VirtualMachine
) -> None:
    session = hypervisor.session
    machine: Any = lookup.require(session, "tried")
    vcenter.ask("faults", faults={"slow_snapshots": 500})
    try:
        snapshots.begin(session, machine, "tried", "trial")
        hypervisor.end_trial("tried", settings(kvm_machine("tried")).owner)
    finally:
        vcenter.ask("faults", faults={})
    assert [one.what for one in recent(session, machine._moId) if not one.ended] == []
    assert hypervisor.machine("tried").snapshots == ()
    assert hypervisor.machine("tried").disks[0].path == made.disks[0].path


@pytest.mark.parametrize("role", ["target", "kept"])
def test_a_rollback_ends_a_killed_trial_and_puts_back_only_what_never_ran(
    hypervisor: VsphereHypervisor, made: VirtualMachine, role: str
) -> None:
    owner = settings(kvm_machine("tried")).owner
    machine: Any = lookup.require(hypervisor.session, "tried")
    snapshots.create(hypervisor.session, machine, "tried", "trial")
    hypervisor.power_on("tried")
    if role != "target":
        hypervisor.power_off("tried")
        hypervisor.tag("tried", replace(owner, role=role))
    before = hypervisor.machine("tried").disks
    hypervisor.end_trial("tried", owner)
    after = hypervisor.machine("tried")
    assert (after.state, after.snapshots) == (PowerState.OFF, ())
    assert before[0].backing is not None
    hypervisor.tag("tried", owner)


def test_a_trial_boots_and_leaves_nothing(
    vcenter: VCenter, made: VirtualMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial.networks, "networks", isolated)
    extra = {**vcenter.spec().extra, "trial_jump": "root@127.0.0.1:1"}
    owner = settings(kvm_machine("tried")).owner
    with VsphereHypervisor(vcenter.spec(extra=extra)) as opened:
        with opened.isolated_trial("tried", "isolated", owner) as begun:
            assert opened.power_state("tried") is PowerState.RUNNING
            stream = begun.connect("192.0.2.1", 80, 5)
            assert stream.recv(1) == b"", "nobody takes SSH there, and that ends it"
            stream.close()
        after = opened.machine("tried")
    assert (after.state, after.snapshots, after.disks[0].path) == (PowerState.OFF, (), made.disks[0].path)
