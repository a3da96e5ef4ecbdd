"""Trial boots: on the isolated network only, and the disks stay as they are."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from kvm_hosts import ODD_NAME, digest, settings_for

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.libvirt.trial import FOLDER, trial_name
from drover.model import PowerState, VirtualMachine

pytestmark = pytest.mark.lab
Make = Callable[..., VirtualMachine]


@pytest.fixture
def defined(b: LibvirtHypervisor, make: Make) -> VirtualMachine:
    machine = make(uefi=True)
    return b.define(machine, settings_for(machine))


def digests(b: LibvirtHypervisor, machine: VirtualMachine) -> list[str]:
    return [digest(b, disk.path, disk.format.value) for disk in machine.disks]


def traces(b: LibvirtHypervisor) -> bytes:
    return b.connection.ssh.run(["sh", "-c", f"ls -A {FOLDER}"]).out


def test_trial_runs_on_overlays_and_is_gone_afterwards(b: LibvirtHypervisor, defined: VirtualMachine) -> None:
    before = digests(b, defined)
    owner = settings_for(defined).owner
    owner = replace(owner, source_uuid=defined.uuid)
    with b.isolated_trial(ODD_NAME, "isolated", owner) as trial:
        running = b.machine(trial.name)
        assert running.state is PowerState.RUNNING
        assert running.uuid != defined.uuid
        assert [(nic.mac, nic.network) for nic in running.nics] == [(defined.nics[0].mac, "isolated")]
        assert [disk.backing for disk in running.disks] == [disk.path for disk in defined.disks]
        stream = trial.connect(b.connection.spec.host, 22, 5.0)
        assert stream.recv(4) == b"SSH-"
        stream.close()
        with pytest.raises(RetryableError, match="Nothing answers at 127.0.0.1 port 9, asked from kvm-b"):
            trial.connect("127.0.0.1", 9, 5.0)
    assert [machine.name for machine in b.machines()] == [ODD_NAME]
    assert traces(b) == b""
    assert digests(b, defined) == before


def test_trial_is_gone_after_an_error_too(b: LibvirtHypervisor, defined: VirtualMachine) -> None:
    with pytest.raises(ZeroDivisionError), b.isolated_trial(ODD_NAME, "isolated", settings_for(defined).owner):
        raise ZeroDivisionError
    assert [machine.name for machine in b.machines()] == [ODD_NAME]
    assert traces(b) == b""


def test_leftover_of_a_killed_trial_is_removed_first(b: LibvirtHypervisor, defined: VirtualMachine) -> None:
    owner = settings_for(defined).owner
    abandoned = b.isolated_trial(ODD_NAME, "isolated", owner)
    abandoned.__enter__()
    with b.isolated_trial(ODD_NAME, "isolated", owner):
        assert {machine.name for machine in b.machines()} == {ODD_NAME, trial_name(ODD_NAME)}
    assert traces(b) == b""


def test_trial_is_refused_where_it_could_do_harm(b: LibvirtHypervisor, defined: VirtualMachine) -> None:
    owner = settings_for(defined).owner
    for network, message in (("production", "is not isolated"), ("nowhere", "is not there")):
        with pytest.raises(OperatorNeededError, match=message), b.isolated_trial(ODD_NAME, network, owner):
            pass
    with pytest.raises(OperatorNeededError, match="not made by this move"):
        b.isolated_trial(ODD_NAME, "isolated", replace(owner, wave="other")).__enter__()
    b.power_on(ODD_NAME)
    with pytest.raises(OperatorNeededError, match="is not off"):
        b.isolated_trial(ODD_NAME, "isolated", owner).__enter__()
