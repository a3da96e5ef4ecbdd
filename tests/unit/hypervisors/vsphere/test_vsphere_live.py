"""vMotion by the platform: to another host, another datastore, another vCenter; found again, cancelled, refused."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from movers import kvm_machine, settings
from vcenter_process import VCenter

from drover.errors import OperatorNeededError
from drover.hypervisors.port import LiveChecker, LiveObstacle, LiveState, LiveStatus, Weight
from drover.hypervisors.vsphere import lookup, relocate, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.place import survey
from drover.model import Firmware, PowerState, VirtualMachine


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))


@pytest.fixture
def running(hypervisor: VsphereHypervisor) -> Iterator[VirtualMachine]:
    # Without adapters: this vCenter's networks lead nowhere. Those of the lab do, and there it moves with them.
    machine = kvm_machine("mail", firmware=Firmware.BIOS, nics=(), boot_order=())
    wanted = settings(machine, host="esx-t1")
    hypervisor.define(machine, wanted)
    hypervisor.power_on("mail")
    yield hypervisor.machine("mail")
    if hypervisor.find("mail") is not None:
        hypervisor.power_off("mail")
        hypervisor.tag("mail", wanted.owner)
        hypervisor.remove("mail", wanted.owner)


MAP = {"production": "production", "VM Network": "VM Network"}


def wait(hypervisor: VsphereHypervisor, target: VsphereHypervisor) -> LiveStatus:
    until = time.monotonic() + 60
    while (now := hypervisor.live_status("mail", target)).state is LiveState.RUNNING:
        assert time.monotonic() < until
        time.sleep(0.1)
    return now


def test_to_another_host(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    wanted = settings(running, networks=MAP, host="esx-t2")
    assert hypervisor.live_status("mail", hypervisor).state is LiveState.ABSENT
    hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=False)
    assert wait(hypervisor, hypervisor).state is LiveState.DONE
    moved = hypervisor.machine("mail")
    assert (moved.host, moved.state, moved.uuid) == ("esx-t2", PowerState.RUNNING, running.uuid)
    assert moved.ownership is not None
    assert moved.ownership.role == "started"
    hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=False)
    assert hypervisor.machine("mail").host == "esx-t2", "a retry finds it done"


def test_to_another_host_and_another_datastore_at_once(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    wanted = settings(running, networks=MAP, host="esx-t2", pool="small")
    hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=False)
    assert wait(hypervisor, hypervisor).state is LiveState.DONE
    moved = hypervisor.machine("mail")
    assert (moved.host, moved.state) == ("esx-t2", PowerState.RUNNING)
    assert [disk.pool for disk in moved.disks] == ["small", "small"]
    assert [disk.path for disk in moved.disks] == ["[small] mail/mail.vmdk", "[small] mail/mail_1.vmdk"]


def test_each_disk_goes_to_the_datastore_that_it_is_mapped_to(
    hypervisor: VsphereHypervisor, running: VirtualMachine
) -> None:
    """What is asked of the vCenter. The lab cannot do it, and says so."""
    first, second = running.disks
    apart = replace(running, disks=(first, replace(second, pool="slow")))
    wanted = settings(running, networks=MAP, host="esx-t2", storage={"datastore1": "datastore1", "slow": "small"})
    site = survey(hypervisor.session)
    spec = relocate.spec(hypervisor.session, hypervisor.session, apart, site, site.host_for(apart, wanted), wanted)
    stores = {store.id: name for name, store in site.stores.items()}
    keys = device_keys(hypervisor.session, lookup.require(hypervisor.session, "mail"))
    assert {one.diskId: stores[one.datastore._moId] for one in spec.disk} == {
        keys["scsi0:0"]: "datastore1",
        keys["scsi0:1"]: "small",
    }
    assert stores[spec.datastore._moId] == "datastore1", "the machine's own files go with its first disk"
    (found,) = relocate.check(hypervisor.session, running, spec)
    assert (found.id, found.blocks) == ("DeviceNotSupported", True)
    assert "the lab moves [datastore1] mail/mail_1.vmdk only together with the machine, to one" in found.message


def test_to_another_vcenter(hypervisor: VsphereHypervisor, far: VsphereHypervisor, running: VirtualMachine) -> None:
    wanted = settings(running, networks=MAP, host="esx-t2")
    hypervisor.start_live("mail", far, wanted, bandwidth=None, paused=False)
    assert wait(hypervisor, far).state is LiveState.DONE
    assert hypervisor.find("mail") is None, "the platform takes it along"
    moved = far.machine("mail")
    assert (moved.host, moved.state, moved.uuid) == ("esx-t2", PowerState.RUNNING, running.uuid)
    with VsphereHypervisor(hypervisor.session.spec) as later:
        assert later.live_status("mail", far).state is LiveState.DONE, "found again by who comes later"
    far.power_off("mail")
    far.tag("mail", wanted.owner)
    far.remove("mail", wanted.owner)


def test_what_vmotion_cannot_do_is_refused(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    wanted = settings(running, networks=MAP, host="esx-t2")
    with pytest.raises(OperatorNeededError, match=r"vMotion cannot leave machine 'mail' paused at the target"):
        hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=True)
    unmapped = settings(running, storage={}, host="esx-t2")
    with pytest.raises(OperatorNeededError, match=r"Disk scsi0:0 of machine 'mail' lies in a datastore that is not"):
        hypervisor.start_live("mail", hypervisor, unmapped, bandwidth=None, paused=False)
    hypervisor.power_off("mail")
    with pytest.raises(
        OperatorNeededError, match=r"Machine 'mail' on 127\.0\.0\.1 is off, so it cannot be moved live\."
    ):
        hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=False)
    assert hypervisor.machine("mail").host == "esx-t1"


def test_the_platforms_own_check_is_what_the_user_reads(
    hypervisor: VsphereHypervisor, far: VsphereHypervisor, running: VirtualMachine
) -> None:
    wanted = settings(running, networks=MAP, host="esx-t2")
    assert isinstance(hypervisor, LiveChecker), "so the plan asks it, and each of them is the concern live.refused"
    assert hypervisor.live_obstacles("mail", hypervisor, wanted) == []
    taken = kvm_machine("mail", firmware=Firmware.BIOS, nics=(), boot_order=(), uuid=str(uuid4()))
    far.define(taken, settings(taken, host="esx-t2"))
    try:
        (found,) = hypervisor.live_obstacles("mail", far, wanted)
        assert (found.id, found.blocks) == ("DuplicateName", True)
        with pytest.raises(OperatorNeededError) as caught:
            hypervisor.start_live("mail", far, wanted, bandwidth=None, paused=False)
        assert caught.value.message == f"Machine 'mail' cannot be moved live from 127.0.0.1 to esx-t2: {found.message}"
        assert hypervisor.machine("mail").ownership == running.ownership, "nothing was marked"
    finally:
        far.remove("mail", settings(taken).owner)


def test_what_the_platform_warns_of_is_told_and_the_move_begins(
    hypervisor: VsphereHypervisor, running: VirtualMachine, caplog: pytest.LogCaptureFixture
) -> None:
    from pyVmomi import vim

    session = hypervisor.session
    silent = vim.vm.ConfigSpec(extraConfig=[vim.option.OptionValue(key="drover.heartbeat", value="lost")])
    tasks.wait(session, lookup.require(session, "mail").ReconfigVM_Task(silent), "a test's change")
    wanted = settings(running, networks=MAP, host="esx-t2")
    (found,) = hypervisor.live_obstacles("mail", hypervisor, wanted)
    assert found == LiveObstacle(
        "NoGuestHeartbeat",
        "127.0.0.1, vMotion: the server says no heartbeat comes from the guest of mail.",
        weight=Weight.WARNS,
    )
    hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=False)
    assert wait(hypervisor, hypervisor).state is LiveState.DONE
    assert hypervisor.machine("mail").host == "esx-t2"
    assert found.message in caplog.text, "it may have come since the plan was read"


def without_the_checker(hypervisor: VsphereHypervisor, _: pytest.MonkeyPatch) -> None:
    hypervisor.session.content.vmProvisioningChecker = None


def without_the_check(_: VsphereHypervisor, patch: pytest.MonkeyPatch) -> None:
    from pyVmomi import vim, vmodl

    def refuse(*_: Any) -> None:
        raise vmodl.fault.MethodNotFound

    patch.setattr(vim.vm.check.ProvisioningChecker, "CheckRelocate_Task", refuse)


@pytest.mark.parametrize("lacking", [without_the_checker, without_the_check])
def test_a_check_that_is_not_there_is_told_and_the_move_begins(
    hypervisor: VsphereHypervisor,
    running: VirtualMachine,
    monkeypatch: pytest.MonkeyPatch,
    lacking: Callable[[VsphereHypervisor, pytest.MonkeyPatch], None],
) -> None:
    lacking(hypervisor, monkeypatch)
    wanted = settings(running, networks=MAP, host="esx-t2")
    assert hypervisor.live_obstacles("mail", hypervisor, wanted) == [
        LiveObstacle(
            "CheckRelocate",
            "127.0.0.1 does not offer the check that would tell what stands against that (CheckRelocate).",
            weight=Weight.UNASKED,
        )
    ]
    hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=False)
    assert wait(hypervisor, hypervisor).state is LiveState.DONE
    assert hypervisor.machine("mail").host == "esx-t2"


def test_a_check_that_says_nothing_of_the_machine_is_no_yes(
    hypervisor: VsphereHypervisor, vcenter: VCenter, running: VirtualMachine
) -> None:
    wanted = settings(running, networks=MAP, host="esx-t2")
    vcenter.ask("faults", faults={"silent_checks": 2})
    (found,) = hypervisor.live_obstacles("mail", hypervisor, wanted)
    assert found == LiveObstacle(
        "CheckRelocate",
        "127.0.0.1 has checked the move of machine 'mail' and says nothing of it, neither for nor against.",
    )
    assert found.blocks
    with pytest.raises(OperatorNeededError, match=r"cannot be moved live from .* says nothing of it, neither for"):
        hypervisor.start_live("mail", hypervisor, wanted, bandwidth=None, paused=False)
    assert hypervisor.live_obstacles("mail", hypervisor, wanted) == []


def test_a_machine_that_arrived_and_is_off_is_told_as_such(
    hypervisor: VsphereHypervisor, far: VsphereHypervisor, running: VirtualMachine
) -> None:
    wanted = settings(running, networks=MAP, host="esx-t2")
    hypervisor.start_live("mail", far, wanted, bandwidth=None, paused=False)
    assert wait(hypervisor, far).state is LiveState.DONE
    far.power_off("mail")
    assert hypervisor.live_status("mail", far) == LiveStatus(LiveState.FAILED, message="it is on 127.0.0.1, and off")
    far.tag("mail", wanted.owner)
    far.remove("mail", wanted.owner)
    gone = LiveStatus(LiveState.FAILED, message="it is neither on 127.0.0.1 nor on 127.0.0.1")
    assert hypervisor.live_status("mail", far) == gone


def test_where_there_is_no_other_host_it_says_what_to_name(vcenter: VCenter, running: VirtualMachine) -> None:
    spec = vcenter.spec()
    with VsphereHypervisor(vcenter.spec(extra={**spec.extra, "compute": "esx-t1"})) as only:
        with pytest.raises(OperatorNeededError) as caught:
            only.live_obstacles("mail", only, settings(running, networks=MAP))
        assert caught.value.message == "Machine 'mail' is on esx-t1, and 127.0.0.1 offers it no other ESXi host."
        assert (
            caught.value.remedy == "To move its disks alone, name 'esx-t1' as its host in the wave; else name another."
        )
        assert only.live_obstacles("mail", only, settings(running, networks=MAP, host="esx-t1")) == []


def test_cancelling_what_does_not_run_does_nothing(hypervisor: VsphereHypervisor, running: VirtualMachine) -> None:
    hypervisor.cancel_live("mail")
    hypervisor.cancel_live("nobody")
    assert hypervisor.machine("mail").state is PowerState.RUNNING
