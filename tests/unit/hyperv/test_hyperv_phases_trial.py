"""A trial breaks off, in each script that changes something or while the machine is looked at: what the user reads, and
that the next step puts it back as it was: off, its checkpoint gone, on its network, its disks as they were validated.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import counting
import pytest
from breaking import AWAY, BROKE, cut_in, no_power_in
from hyperv_peer import World
from hyperv_place import Place, kept, running, settings, source

from drover.errors import RetryableError
from drover.hypervisors.hyperv import checkpoints
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.port import Hypervisor
from drover.model import Firmware, PowerState, VirtualMachine
from drover_lab.process import wait_until

pytestmark = pytest.mark.usefixtures("impatient")

OWNER = settings(source()).owner
CHANGING = ("trial-begin", "power-on", "trial-end")


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running(world, tmp_path_factory.mktemp("trials"), "hv-t") as made:
        yield made


@pytest.fixture
def made(empty: Place) -> VirtualMachine:
    """Machine `web`, with a guest that writes as soon as it runs."""
    machine = source(firmware=Firmware.BIOS)
    with empty.open() as hypervisor:
        there = hypervisor.define(machine, settings(machine))
    counting.install(empty.file(there.disks[0].path))
    return there


def attempt(hypervisor: Hypervisor) -> None:
    with hypervisor.isolated_trial("web", "isolated", OWNER):
        tried = hypervisor.machine("web")
        assert (tried.state, tried.snapshots) == (PowerState.RUNNING, ("drover trial",))
        assert {nic.network for nic in tried.nics} == {"isolated"}


def is_as_it_was(place: Place, made: VirtualMachine) -> None:
    with place.open() as hypervisor:
        after = hypervisor.machine("web")
    assert (after.state, after.snapshots, {nic.network for nic in after.nics}) == (PowerState.OFF, (), {"production"})
    assert kept(after) == kept(made)
    assert counting.number(place.file(made.disks[0].path)) == 0
    assert place.peer.shells == []


def is_gone(place: Place, made: VirtualMachine) -> None:
    with place.open() as hypervisor:
        assert hypervisor.machines() == []
    assert not place.file(made.disks[0].path).exists()
    assert place.peer.shells == []


@pytest.mark.parametrize("action", ["Command", "Receive"])
@pytest.mark.parametrize("script", CHANGING)
def test_the_connection_is_cut(empty: Place, made: VirtualMachine, script: str, action: str) -> None:
    with (
        empty.open() as hypervisor,
        cut_in(empty, script, action) as ends,
        pytest.raises(RetryableError) as caught,
    ):
        attempt(hypervisor)
    assert (str(caught.value), ends[0], empty.peer.shells) == (BROKE, BROKE, [])
    if (script, action) != ("trial-end", "Command"):
        is_as_it_was(empty, made)
    with empty.open() as hypervisor:
        attempt(hypervisor)
    is_as_it_was(empty, made)


def begun(place: Place) -> bool:
    found = place.kept()
    return bool(found["snapshots"]) and {one["switch"] for one in found["adapters"]} == {"isolated"}


def on(place: Place) -> bool:
    return bool(place.kept()["state"] == "Running")


def ended(place: Place) -> bool:
    return not place.kept()["snapshots"]


DONE: dict[str, Callable[[Place], bool]] = {"trial-begin": begun, "power-on": on, "trial-end": ended}


@pytest.mark.parametrize("far", ["before", "after"])
@pytest.mark.parametrize("script", CHANGING)
def test_the_host_restarts(empty: Place, made: VirtualMachine, script: str, far: str) -> None:
    done = (lambda: DONE[script](empty)) if far == "after" else None
    with empty.open() as hypervisor:
        with no_power_in(empty, script, done) as ends, pytest.raises(RetryableError) as caught:
            attempt(hypervisor)
        assert ends == [BROKE]
        if script == "trial-end":
            assert str(caught.value) == BROKE
        else:
            # It was tried to put the machine back at once.
            caught.match(AWAY)
        left = hypervisor.machine("web")
        assert left.state is PowerState.OFF
        assert bool(left.snapshots) == ((script, far) not in (("trial-begin", "before"), ("trial-end", "after")))
        attempt(hypervisor)
    is_as_it_was(empty, made)


def written(place: Place, overlay: Path) -> int:
    """What the guest has written so far is on the host's disk after this."""
    with place.monitor() as monitor:
        monitor.ask("stop")
        monitor.ask("cont")
    return counting.number(overlay, "qcow2")


def loses_power(place: Place, hypervisor: Hypervisor) -> None:
    """When the guest on trial has written."""
    with hypervisor.isolated_trial("web", "isolated", OWNER):
        overlay = place.file(hypervisor.machine("web").disks[0].path)
        wait_until("the guest has written", lambda: written(place, overlay) > 0, deadline=60, interval=0.1)
        place.peer.ask("reboot", seconds=None)


def rolled_back(hypervisor: Hypervisor) -> None:
    hypervisor.remove("web", OWNER)


def released(hypervisor: Hypervisor) -> None:
    hypervisor.release_disks("web")


@pytest.mark.parametrize("starts", [False, True])
@pytest.mark.parametrize(
    ("following", "proof"), [(attempt, is_as_it_was), (released, is_as_it_was), (rolled_back, is_gone)]
)
def test_the_host_restarts_while_the_machine_is_looked_at(
    empty: Place,
    made: VirtualMachine,
    following: Callable[[Hypervisor], None],
    proof: Callable[[Place, VirtualMachine], None],
    starts: bool,
) -> None:
    """Even where somebody has it start with its host: then it is on trial again, still away from everyone."""
    with empty.open() as hypervisor:
        hypervisor.set_autostart("web", starts)
        with pytest.raises(RetryableError, match=AWAY):
            loses_power(empty, hypervisor)
        empty.peer.ask("boot")
        left = hypervisor.machine("web")
        assert left.state is (PowerState.RUNNING if starts else PowerState.OFF)
        assert (left.snapshots, {nic.network for nic in left.nics}) == (("drover trial",), {"isolated"})
        following(hypervisor)
        if starts and proof is is_as_it_was:
            hypervisor.set_autostart("web", False)
    proof(empty, made)


def test_a_trial_that_was_begun_by_half_is_ended(empty: Place, made: VirtualMachine) -> None:
    """The host broke off when the checkpoint was there, and the adapters were where they are in production."""
    with empty.open() as hypervisor:
        assert isinstance(hypervisor, HypervHypervisor)
        checkpoints.make(hypervisor.session, made.id or "", checkpoints.TRIAL)
        left = hypervisor.machine("web")
        assert (left.snapshots, {nic.network for nic in left.nics}) == (("drover trial",), {"production"})
        attempt(hypervisor)
    is_as_it_was(empty, made)
