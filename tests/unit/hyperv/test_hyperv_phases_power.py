"""A machine is shut down, turned off or started while its connection is cut or its host restarts.

The order to shut down takes as long as the guest does, and asking again does no harm. So a connection that breaks there
is no error of its own: the state tells how it stands.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import hearing
import pytest
from answers import Told
from breaking import AWAY, BROKE, at, cut_in, no_power_in
from hyperv_peer import World
from hyperv_place import Place, running, settings, source

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import power
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import Hypervisor
from drover.model import Firmware, PowerState
from drover_lab.hyperv.world.store import world as states
from drover_lab.process import wait_until

pytestmark = pytest.mark.usefixtures("impatient")

IN_PROGRESS = (
    "Hyper-V on 127.0.0.1 says: 'web' failed to shut down. A system shutdown is in progress. (0x8007045B). Correct "
    "that on the host."
)
NOT_FOUND = (
    "Hyper-V on 127.0.0.1 says: The operation failed for 'web': the system cannot find the file specified. Correct "
    "that on the host."
)


@pytest.fixture(scope="module")
def place(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running(world, tmp_path_factory.mktemp("power"), "hv-w", patience=60.0) as made:
        yield made


def machine(place: Place, *, presses: int = 1, starts: bool = False) -> None:
    """Machine `web` is there, and off; its guest hears the power button."""
    wanted = source(firmware=Firmware.BIOS)
    with place.open() as hypervisor:
        hypervisor.define(wanted, settings(wanted))
        hypervisor.set_autostart("web", starts)
    hearing.install(disk(place), presses=presses)


def disk(place: Place) -> Path:
    return place.file(place.kept()["disks"][0]["path"])


@contextmanager
def listening(place: Place, *, presses: int = 1) -> Iterator[Hypervisor]:
    """The machine runs, and its guest hears."""
    machine(place, presses=presses)
    with place.open() as hypervisor:
        hypervisor.power_on("web")
        hearing.wait(disk(place))
        yield hypervisor
        assert place.peer.shells == []


def press(place: Place) -> None:
    """As somebody does it who stands before the machine; one who shuts down ends with it."""
    with place.monitor() as monitor:
        monitor.ask("system_powerdown")


@pytest.mark.parametrize(
    ("action", "when", "times"), [("Create", "before", 2), ("Command", "after", 2), ("Receive", "after", 1)]
)
def test_the_connection_is_cut_in_the_order_to_shut_down(empty: Place, action: str, when: str, times: int) -> None:
    """No error of it reaches the user. It is ordered again only where the host has not carried it out."""
    with listening(empty) as hypervisor:
        with cut_in(empty, "shut-down", action, when=when) as ends:
            hypervisor.shut_down("web", 60)
        assert ends == [BROKE, ""][:times]
        assert hypervisor.power_state("web") is PowerState.OFF
        assert hearing.presses(disk(empty)) == 1
        assert empty.peer.shells == []


def test_an_order_that_never_reaches_the_host(empty: Place) -> None:
    """The machine runs, and nobody says that it is off; another try shuts it down."""

    def cut() -> None:
        empty.peer.ask("clear")
        empty.peer.goes_wrong("drop", action="Create")

    with listening(empty) as hypervisor:
        with at("shut-down", cut, times=100) as ends, pytest.raises(OperatorNeededError) as caught:
            hypervisor.shut_down("web", 3)
        assert str(caught.value) == (
            "Machine 'web' on 127.0.0.1 did not shut down within 3 seconds. See what keeps the guest, or give it a "
            "longer shutdown_deadline; Drover did not force it."
        )
        assert set(ends) == {BROKE}
        assert len(ends) > 1
        assert hypervisor.power_state("web") is PowerState.RUNNING
        assert (hearing.presses(disk(empty)), empty.peer.shells) == (0, [])
        hypervisor.shut_down("web", 60)
        assert hypervisor.power_state("web") is PowerState.OFF


@contextmanager
def meanwhile(*steps: Callable[[], object]) -> Iterator[None]:
    """These are done one after the other, each waiting for its moment itself."""

    def work() -> None:
        for step in steps:
            step()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def until(what: str, ready: Callable[[], bool]) -> Callable[[], None]:
    return lambda: wait_until(what, ready, deadline=60, interval=0.05)


def shutting_down(place: Place) -> Callable[[], None]:
    return until("the guest shuts down", lambda: hearing.presses(disk(place)) == 1)


def refuses_to_stop(place: Place) -> None:
    """In other words than that it is shutting down."""
    with states(place.world) as found:
        (host,) = found["hosts"].values()
        (one,) = host["machines"].values()
        one["broken"] = ["Stop-VM"]


@pytest.mark.parametrize("refusal", [IN_PROGRESS, NOT_FOUND])
def test_a_guest_that_is_shutting_down_refuses_to_be_asked_again(empty: Place, refusal: str) -> None:
    """The connection is cut while it takes its time; that it does not want to hear it twice is no error either."""
    with listening(empty, presses=2) as hypervisor, at("shut-down", lambda: None) as ends:
        steps: list[Callable[[], object]] = [shutting_down(empty)]
        if refusal == NOT_FOUND:
            steps.append(lambda: refuses_to_stop(empty))
        steps += [
            lambda: empty.peer.ask("drop"),
            until("it was asked again", lambda: len(ends) > 1),
            lambda: press(empty),
        ]
        with meanwhile(*steps):
            hypervisor.shut_down("web", 60)
        assert ends[:2] == [BROKE, refusal]
        assert hypervisor.power_state("web") is PowerState.OFF
        assert empty.peer.shells == []


def test_the_look_at_the_state_after_it_is_cut_too(empty: Place) -> None:
    def cut() -> None:
        empty.peer.ask("clear")
        empty.peer.goes_wrong("drop", action="Receive", when="after", times=2)

    with listening(empty) as hypervisor:
        with at("shut-down", cut) as ends, pytest.raises(RetryableError) as caught:
            hypervisor.shut_down("web", 60)
        assert (str(caught.value), ends, empty.peer.shells) == (BROKE, [BROKE], [])
        hypervisor.shut_down("web", 60)
        assert hypervisor.power_state("web") is PowerState.OFF
        assert hearing.presses(disk(empty)) == 1


def test_the_next_try_finds_a_guest_that_is_still_shutting_down(empty: Place) -> None:
    """Nobody tells that try that it was asked before; the host does."""
    with listening(empty, presses=2) as hypervisor, at("shut-down", lambda: None) as ends:

        def cut() -> None:
            empty.peer.goes_wrong("drop", action="Receive")
            empty.peer.ask("drop")

        with meanwhile(shutting_down(empty), cut), pytest.raises(RetryableError) as caught:
            hypervisor.shut_down("web", 60)
        assert (str(caught.value), ends, empty.peer.shells) == (BROKE, [BROKE], [])
        assert hypervisor.power_state("web") is PowerState.RUNNING
        with meanwhile(until("it was asked again", lambda: len(ends) > 1), lambda: press(empty)):
            hypervisor.shut_down("web", 60)
        assert ends[1] == IN_PROGRESS
        assert hypervisor.power_state("web") is PowerState.OFF


def test_a_machine_that_hyper_v_says_is_stopping_is_waited_for() -> None:
    found = iter(["Stopping", "Off"])
    session = Told(state=lambda _: [next(found)])
    power.shut_down(cast(Session, session), "web", 5)
    assert [name for name, _ in session.asked] == ["machines", "state", "state"]


@pytest.mark.parametrize("starts", [False, True])
@pytest.mark.parametrize("heard", [False, True])
def test_the_host_restarts_while_it_is_shut_down(empty: Place, heard: bool, starts: bool) -> None:
    """Where it starts with its host it runs again, and the next try shuts that one down."""
    done = (lambda: hearing.presses(disk(empty)) == 1) if heard else None
    with listening(empty, presses=2 if heard else 1) as hypervisor:
        hypervisor.set_autostart("web", starts)
        with no_power_in(empty, "shut-down", done) as ends, pytest.raises(RetryableError, match=AWAY):
            hypervisor.shut_down("web", 60)
        assert ends == [BROKE]
        assert hypervisor.power_state("web") is (PowerState.RUNNING if starts else PowerState.OFF)
        if starts:
            hearing.wait(disk(empty), boots=2)
        hypervisor.shut_down("web", 60)
        assert hypervisor.power_state("web") is PowerState.OFF


@pytest.mark.parametrize("starts", [False, True])
@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("script", ["power-on", "power-off"])
def test_the_host_restarts_while_it_is_switched(empty: Place, script: str, done: bool, starts: bool) -> None:
    machine(empty, starts=starts)
    word, ends_as = ("Running", PowerState.RUNNING) if script == "power-on" else ("Off", PowerState.OFF)
    with empty.open() as hypervisor:
        if script == "power-off":
            hypervisor.power_on("web")
        switch = hypervisor.power_on if script == "power-on" else hypervisor.power_off
        seen = (lambda: empty.kept()["state"] == word) if done else None
        with no_power_in(empty, script, seen) as ends, pytest.raises(RetryableError) as caught:
            switch("web")
        assert (str(caught.value), ends) == (BROKE, [BROKE])
        # With power it is as it is to start, whatever it was.
        assert hypervisor.power_state("web") is (PowerState.RUNNING if starts else PowerState.OFF)
        switch("web")
        assert hypervisor.power_state("web") is ends_as
        assert empty.peer.shells == []
