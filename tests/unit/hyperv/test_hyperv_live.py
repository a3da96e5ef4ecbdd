"""Live Migration through the port, between two simulated hosts in processes of their own: real WinRM, our scripts."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from answers import foreign
from hyperv_peer import World
from two_hosts import NAMES, Two, run_machine, running

from drover.cli import main
from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import inventory
from drover.hypervisors.hyperv.hypervisor import HypervHypervisor
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import LiveChecker, LiveMover, LiveState, LiveStatus, TargetSettings
from drover.model import Ownership, PowerState
from drover.recordings.hyperv import Replayed
from drover_lab.process import wait_until


@pytest.fixture(scope="module")
def hosts(world: World) -> Iterator[Two]:
    with running(world) as two:
        yield two


@pytest.fixture
def two(hosts: Two) -> Iterator[Two]:
    """Machine `web` runs at the first one."""
    run_machine(hosts, "web")
    yield hosts
    hosts.empty()


def owner(role: str) -> Ownership:
    return Ownership("wave", "run", "web", foreign().uuid, role)


SETTINGS = TargetSettings({"production": "production"}, {"D:": "D:"}, owner("target"))


def begin(here: HypervHypervisor, there: HypervHypervisor) -> None:
    here.start_live("web", there, SETTINGS, bandwidth=None, paused=False)


def ended(here: HypervHypervisor, there: HypervHypervisor) -> LiveStatus:
    seen: list[LiveStatus] = []

    def is_over() -> bool:
        seen.append(here.live_status("web", there))
        return seen[-1].state is not LiveState.RUNNING

    wait_until("the move ends", is_over, deadline=120)
    return seen[-1]


def test_a_running_machine_moves_by_credssp_and_comes_back(two: Two) -> None:
    for name in NAMES:
        two.set(name, live_login="CredSSP", delegation=False)
    with two.open("credssp") as here, two.target("credssp") as there:
        assert isinstance(here, LiveMover)
        assert isinstance(here, LiveChecker)
        assert here.live_obstacles("web", there, SETTINGS) == []
        assert here.live_status("web", there).state is LiveState.ABSENT
        promised = there.translated(here.machine("web"), SETTINGS)
        begin(here, there)
        found = ended(here, there)
        assert (found.state, found.done) == (LiveState.DONE, found.total)
        assert here.find("web") is None
        machine = there.machine("web")
        assert machine.state is PowerState.RUNNING
        assert machine.ownership == owner("started")
        assert [disk.path for disk in machine.disks] == [disk.path for disk in promised.disks]
        begin(here, there)  # a retry finds it done

        there.start_live("web", here, SETTINGS, bandwidth=None, paused=False)
        assert ended(there, here).state is LiveState.DONE
        assert here.machine("web").state is PowerState.RUNNING


def test_whoever_was_killed_finds_the_move_and_may_end_it(two: Two) -> None:
    two.set("HV-L", live_speed=1 << 16)
    with two.open() as here, two.target() as there:
        begin(here, there)
    with two.open() as here, two.target() as there:
        begin(here, there)
        found = here.live_status("web", there)
        assert found.state is LiveState.RUNNING
        assert 0 <= found.done < found.total
        here.cancel_live("web")
        assert here.live_status("web", there).state is LiveState.ABSENT
        assert here.machine("web").state is PowerState.RUNNING
        assert here.machine("web").ownership == owner("target")
        assert there.find("web") is None
        here.cancel_live("web")


def test_the_connection_is_cut_while_a_move_is_begun_looked_at_and_cancelled(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the source's host, at one script after the other; each time the next try finds how things are."""
    monkeypatch.setattr("drover.hypervisors.hyperv.shell._DELETE_PAUSE", 0.1)
    two.set("HV-L", live_speed=1 << 16)
    with two.open() as here, two.target() as there:
        before = here.machine("web").native
        under_way = {LiveState.ABSENT, LiveState.RUNNING}
        for work, step, states in (
            (lambda: begin(here, there), 4, under_way),
            (lambda: here.live_status("web", there), 2, {LiveState.RUNNING}),
            # Its job may have ended, and nobody have heard of it who takes the mark away.
            (lambda: here.cancel_live("web"), 3, under_way | {LiveState.FAILED}),
        ):
            for _ in range_of_cuts(two, work, step):
                assert here.live_status("web", there).state in states
                assert there.find("web") is None
        assert here.live_status("web", there).state is LiveState.ABSENT
        assert here.machine("web").native == before
        assert (two.here.shells, two.there.shells) == ([], [])


def range_of_cuts(two: Two, work: Callable[[], object], step: int) -> Iterator[None]:
    """Yields after each cut; ends when the work came through without."""
    for scripts in count(step=step):
        two.here.ask("clear")
        two.here.goes_wrong("drop", action="Receive", skip=scripts)
        told = ""
        try:
            work()
        except RetryableError as error:
            told = str(error)
        two.here.ask("clear")
        if not told:
            assert scripts > 0, "nothing was cut"
            return
        assert told == "The connection to 127.0.0.1 broke. Try again when the host answers."
        yield


def test_a_login_that_cannot_be_passed_on_is_explained_and_leaves_no_mark(two: Two) -> None:
    two.set("HV-L", delegation=False)
    with two.open() as here, two.target() as there:
        with pytest.raises(OperatorNeededError) as caught:
            begin(here, there)
        assert "a login by ntlm is good for one host only and cannot be passed on (the double hop)" in str(caught.value)
        assert "Set the connection 'hv_a' to the transport credssp" in caught.value.remedy
        assert here.machine("web").ownership == owner("target")


def test_what_stands_against_it_is_said_before_anything_moves(two: Two) -> None:
    two.set("HV-R", objections=[[4711, "The sky is grey."], [40004, "It is saved."]])
    with two.open() as here, two.target() as there:
        assert [one.id for one in here.live_obstacles("web", there, SETTINGS)] == ["4711", "40004"]
        with pytest.raises(OperatorNeededError, match="Hyper-V says: The sky is grey. Hyper-V says: It is") as caught:
            begin(here, there)
        assert "Remove-VMSavedState" in caught.value.remedy
        assert here.live_status("web", there).state is LiveState.ABSENT


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"objections": [[33012, "Could not find Ethernet switch 'production'."]]},
            "Hyper-V says: Could not find Ethernet switch 'production'. Make the virtual switches on 127.0.0.1 that "
            "the wave maps to (production), or one of the name that is missed.",
        ),
        # Somebody removed it after the plan was made.
        (
            {"switches": {"isolated": "Private"}},
            "The virtual switch 'production' does not exist on 127.0.0.1. Make it, or map another one.",
        ),
    ],
)
def test_a_switch_that_is_missing_at_the_target_is_told(two: Two, changes: dict[str, Any], sentence: str) -> None:
    two.set("HV-R", **changes)
    try:
        with two.open() as here, two.target() as there:
            before = here.machine("web")
            with pytest.raises(OperatorNeededError) as caught:
                begin(here, there)
            assert str(caught.value).endswith(sentence)
            assert here.machine("web") == before
            assert there.machines() == []
            assert (two.here.shells, two.there.shells) == ([], [])
    finally:
        two.set("HV-R", switches={"production": "External", "isolated": "Private"})


def test_a_host_that_is_busy_is_waited_for(two: Two) -> None:
    with two.open() as here, two.target() as there:
        two.set("HV-R", live_slots=0)
        with pytest.raises(RetryableError, match="moves 0 machines already, and its settings allow 0 at a time"):
            begin(here, there)
        two.set("HV-L", live=False)
        with pytest.raises(OperatorNeededError, match="Live Migration is off on 127.0.0.1"):
            begin(here, there)


def test_a_move_that_failed_says_why_and_may_be_tried_again(two: Two) -> None:
    two.set("HV-R", memory=1)
    with two.open() as here, two.target() as there:
        begin(here, there)
        found = ended(here, there)
        assert found.state is LiveState.FAILED
        assert "Not enough memory" in found.message
        assert here.machine("web").state is PowerState.RUNNING
        two.set("HV-R", memory=16 << 30)
        begin(here, there)
        assert ended(here, there).state is LiveState.DONE


def test_what_does_not_run_or_must_stand_still_is_refused(two: Two) -> None:
    with two.open() as here, two.target() as there:
        with pytest.raises(OperatorNeededError, match="cannot leave machine 'web' paused at the target"):
            here.start_live("web", there, SETTINGS, bandwidth=None, paused=True)
        with pytest.raises(OperatorNeededError, match="has an adapter on network 'production', which is not mapped"):
            here.start_live("web", there, replace(SETTINGS, networks={}), bandwidth=None, paused=False)
        here.power_off("web")
        with pytest.raises(OperatorNeededError, match="is off, so it cannot be moved live"):
            begin(here, there)


def test_such_a_host_is_recorded_and_read_again(two: Two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = two.here.spec("ntlm", "https")
    values = {name: getattr(spec, name) for name in ("host", "port", "login", "password", "extra")}
    monkeypatch.setenv("AIRFLOW_CONN_HV_L", json.dumps({"conn_type": "hyperv", **values}))
    assert main(["record", "hv_l", str(tmp_path / "out")]) == 0
    (found,) = inventory.machines(cast(Session, Replayed(tmp_path / "out")))
    with two.open() as here:
        real = here.machine("web")
    assert (found.memory, found.state, found.firmware) == (real.memory, real.state, real.firmware)
    assert [(disk.name, disk.size, disk.pool) for disk in found.disks] == [
        (disk.name, disk.size, disk.pool) for disk in real.disks
    ]
    written = "".join(path.read_text() for path in (tmp_path / "out").iterdir()).lower()
    told = (str(spec.password), str(spec.login), "hv-l", real.uuid, real.nics[0].mac, '"web"')
    assert [word for word in told if word.lower() in written] == []
    assert found.nics[0].network.startswith("name-")
