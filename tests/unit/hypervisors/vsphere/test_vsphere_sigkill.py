"""SIGKILL inside the long steps upon a vCenter: after a retry or a rollback exactly one runs, and its data is whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from killed_step import CONTENTS, killed, wanted
from movers import MIB, contents, fill, kvm_machine, settings
from test_vsphere_live import wait as _wait_for_mail
from vcenter_process import VCenter

from drover.hypervisors.port import LiveState
from drover.hypervisors.vsphere import lookup, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Firmware, PowerState

pytestmark = pytest.mark.slow
NAME = "mail"
RETRY, ROLLBACK = "retry", "rollback"


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path / "staging"


@pytest.fixture
def made(hypervisor: VsphereHypervisor, far: VsphereHypervisor, vcenter: VCenter) -> Iterator[None]:
    """A machine that is off, without adapters: the networks of this vCenter lead nowhere."""
    machine = kvm_machine(NAME, firmware=Firmware.BIOS, nics=(), boot_order=())
    hypervisor.define(machine, settings(machine, host="esx-t1"))
    yield
    vcenter.ask("faults", faults={})
    vcenter.ask("move-rate", move_rate=0)
    for one in (hypervisor, far):
        if one.find(NAME) is not None:
            one.power_off(NAME)
            session = one.session
            tasks.wait(session, lookup.require(session, NAME).Destroy_Task(), "cleaning up", deadline=30)


def runs(hypervisor: VsphereHypervisor, far: VsphereHypervisor) -> list[str]:
    ends = {"near": hypervisor, "far": far}
    known = {name: one for name, one in ends.items() if one.find(NAME) is not None}
    return [name for name, one in known.items() if one.power_state(NAME) is PowerState.RUNNING]


def whole(hypervisor: VsphereHypervisor) -> bool:
    hypervisor.power_off(NAME)
    with hypervisor.read_disks(NAME) as endpoints:
        return contents(endpoints) == CONTENTS


@pytest.mark.parametrize(
    ("at", "ending"),
    [("the snapshot is being taken", ROLLBACK), ("the snapshot was taken", RETRY), ("a disk comes", ROLLBACK)],
)
def test_while_a_running_machine_is_read(
    hypervisor: VsphereHypervisor,
    far: VsphereHypervisor,
    vcenter: VCenter,
    made: None,
    tmp_path: Path,
    staging: Path,
    at: str,
    ending: str,
) -> None:
    fill(hypervisor, NAME, wanted(NAME).owner, CONTENTS, tmp_path)
    hypervisor.power_on(NAME)
    # Locked as ESXi may have it, so that the disks come through a lease; and slow, so that it is taken after the kill.
    vcenter.ask("faults", faults={"locked": "-flat.vmdk", "slow_snapshots": 300})
    killed(vcenter.spec(), NAME, "read", at)
    if ending == RETRY:
        with hypervisor.read_disks(NAME) as endpoints:
            assert contents(endpoints) == CONTENTS
    else:
        hypervisor.release_disks(NAME)
    vcenter.ask("faults", faults={})
    after = hypervisor.machine(NAME)
    assert (after.snapshots, after.consolidation_needed) == ((), False)
    assert list(staging.glob("out-*")) == []
    assert runs(hypervisor, far) == ["near"]
    assert whole(hypervisor)


@pytest.mark.parametrize(
    ("at", "ending"),
    [("a disk goes", RETRY), ("the disks came, and are not in their places", RETRY), ("a disk goes", ROLLBACK)],
)
def test_while_disks_are_sent(
    hypervisor: VsphereHypervisor, vcenter: VCenter, made: None, tmp_path: Path, at: str, ending: str
) -> None:
    killed(vcenter.spec(), NAME, "write", at)
    if ending == RETRY:
        fill(hypervisor, NAME, wanted(NAME).owner, CONTENTS, tmp_path)
        assert whole(hypervisor)
    else:
        hypervisor.remove(NAME, wanted(NAME).owner)
        assert hypervisor.find(NAME) is None
    assert [one.name for one in hypervisor.machines() if "upload" in one.name] == []


@pytest.mark.parametrize(
    ("at", "ending"),
    [("the move was only checked", RETRY), ("the move has begun", RETRY), ("the move has begun", ROLLBACK)],
)
def test_while_it_moves_to_another_vcenter(
    hypervisor: VsphereHypervisor,
    far: VsphereHypervisor,
    vcenter: VCenter,
    made: None,
    tmp_path: Path,
    at: str,
    ending: str,
) -> None:
    fill(hypervisor, NAME, wanted(NAME).owner, CONTENTS, tmp_path)
    hypervisor.power_on(NAME)
    vcenter.ask("move-rate", move_rate=4 * MIB)
    killed(vcenter.spec(), NAME, "live", at, far.session.spec)
    begun = hypervisor.live_status(NAME, far).state
    assert begun is (LiveState.RUNNING if at == "the move has begun" else LiveState.ABSENT)
    if ending == RETRY:
        hypervisor.start_live(NAME, far, wanted(NAME), bandwidth=None, paused=False)
        assert _wait_for_mail(hypervisor, far).state is LiveState.DONE
    else:
        hypervisor.cancel_live(NAME)
    assert runs(hypervisor, far) == ["far" if ending == RETRY else "near"]
    assert whole(far if ending == RETRY else hypervisor)
    assert len([one for one in (hypervisor, far) if one.find(NAME) is not None]) == 1
