"""Triggers: what they serialise, that they give exactly one event, and when they end a move."""

import asyncio
import socket
import time

import pytest
from airflow._shared.module_loading import import_string

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveState, LiveStatus
from drover_airflow.triggers import base
from drover_airflow.triggers.libvirt import GuestAnswersTrigger, LibvirtLiveMigrationTrigger
from drover_airflow.triggers.migration import TransferTrigger

RUNNING = LiveStatus(LiveState.RUNNING, 1, 10)


class Scripted(base.LiveMoveTrigger):
    """Answers from a list: a status, or an error that is raised."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.closed = 0
        self.cancelled = 0

    def serialize(self):
        return ("scripted", {})

    async def status(self):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def cancel(self):
        self.cancelled += 1

    async def close(self):
        self.closed += 1


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(base, "_WAIT", 0.001)
    monkeypatch.setattr(base, "_WAIT_AFTER_FAILURE", 0.001)
    monkeypatch.setattr(base, "_HEARD", 0.0)


def events(trigger):
    async def collect():
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


@pytest.mark.parametrize(
    "trigger",
    [
        TransferTrigger(wave="/waves/a.yaml", machine="db", run="manual__1"),
        LibvirtLiveMigrationTrigger(source_conn_id="a", target_conn_id="b", machine="web"),
        GuestAnswersTrigger(address="10.0.0.1", port=80, deadline=12.5),
    ],
    ids=lambda trigger: type(trigger).__name__,
)
def test_a_trigger_survives_its_serialisation(trigger):
    """Plain scalars only; another triggerer must be able to make the same one from them."""
    path, arguments = trigger.serialize()
    assert all(isinstance(value, str | int | float) for value in arguments.values())
    assert import_string(path)(**arguments).serialize() == (path, arguments)


def test_one_event_when_the_move_is_done():
    trigger = Scripted(RUNNING, RUNNING, LiveStatus(LiveState.DONE, 10, 10))
    assert events(trigger) == [{"status": "done", "message": ""}]
    assert trigger.closed == 1
    assert trigger.cancelled == 0


@pytest.mark.parametrize("state", [LiveState.FAILED, LiveState.ABSENT])
def test_a_move_that_ended_otherwise_has_failed(state):
    assert events(Scripted(RUNNING, LiveStatus(state, message="No space."))) == [
        {"status": "failed", "message": "No space."}
    ]


def test_a_connection_that_drops_is_made_anew():
    dropped = RetryableError("The host is away.", remedy="Wait.")
    trigger = Scripted(RUNNING, dropped, dropped, RUNNING, LiveStatus(LiveState.DONE))
    assert events(trigger) == [{"status": "done", "message": ""}]
    assert trigger.closed == 3


def test_a_host_that_stays_away_is_given_up(monkeypatch):
    monkeypatch.setattr(base, "_FAILURES", 3)
    away = RetryableError("The host is away.", remedy="Wait.")
    trigger = Scripted(away, away, RUNNING, away, away, away, RUNNING)
    assert events(trigger) == [{"status": "lost", "message": "The host is away. Wait."}]
    assert trigger.answers == [RUNNING], "an answer in between begins the count anew"
    assert trigger.cancelled == 0


def test_a_move_that_is_over_at_once_is_not_told_before_the_scheduler_has_heard_of_the_wait(monkeypatch):
    monkeypatch.setattr(base, "_HEARD", 0.3)
    begun = time.monotonic()
    assert events(Scripted(LiveStatus(LiveState.DONE))) == [{"status": "done", "message": ""}]
    assert time.monotonic() - begun >= 0.3


def test_an_error_nobody_foresaw_does_not_leave_the_move_unwatched(capsys):
    trigger = Scripted(KeyError("type"), RUNNING, LiveStatus(LiveState.DONE))
    assert events(trigger) == [{"status": "done", "message": ""}]
    told = capsys.readouterr().out
    assert "KeyError: 'type'" in told
    assert "Traceback" in told


def test_what_a_person_must_mend_is_not_asked_again():
    trigger = Scripted(OperatorNeededError("The host key changed.", remedy="Look."), RUNNING)
    assert events(trigger) == [{"status": "lost", "message": "The host key changed. Look."}]


def test_a_restart_of_the_triggerer_ends_no_move():
    """Shutting down cancels the task; only a person's action calls `on_kill`, which ends the move."""

    async def restart():
        trigger = Scripted(*[RUNNING] * 1000)
        waiting = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert trigger.cancelled == 0
        assert trigger.closed == 1
        await trigger.on_kill()
        assert trigger.cancelled == 1

    asyncio.run(restart())


def test_a_guest_that_answers():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = events(GuestAnswersTrigger(address="127.0.0.1", port=port, deadline=time.time() + 5))
    assert found == [{"status": "done", "message": f"127.0.0.1 port {port} answers."}]


def test_a_guest_that_does_not_answer_in_time():
    found = events(GuestAnswersTrigger(address="127.0.0.1", port=1, deadline=time.time() + 0.2))
    assert [event["status"] for event in found] == ["late"]
    assert "127.0.0.1 port 1" in found[0]["message"]
