"""Waiting before a machine is touched: what is deferred to when, what is asked anew after it, and what is refused."""

import asyncio
import json
import sys
import time
import types
from contextlib import contextmanager

import pytest
from airflow._shared.module_loading import import_string
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from waves_for_dags import HEAD, pair, write

from drover.errors import OperatorNeededError
from drover.migration.slots import Turn
from drover.waves.loader import load
from drover_airflow.operators import migration, waiting
from drover_airflow.operators.migration import BackupOperator, TransferOperator
from drover_airflow.operators.waiting import WindowOperator
from drover_airflow.triggers import waiting as triggers
from drover_airflow.triggers.waiting import AT_LEAST, RoomTrigger
from drover_airflow.wave_dag import build_dag

CONTEXT = {"run_id": "run 1"}
FREE, FULL = Turn((), {"host a": 1}), Turn(("host a: 'web' of wave 'w' (at most 1 at once)",), {"host a": 1})


class World:
    """What the stages answer, and what was begun."""

    def __init__(self) -> None:
        self.turn = FREE
        self.opens: float | None = None
        self.begun: list[str] = []
        self.left = 0
        self.error: Exception | None = None

    def begin(self, name: str, result):
        def run(_):
            if self.error:
                raise self.error
            self.begun.append(name)
            return result

        return run


@pytest.fixture
def world(monkeypatch):
    world = World()

    @contextmanager
    def opened(*_, **__):
        store = types.SimpleNamespace(folder="/evidence/db", last=lambda *_: None)
        yield types.SimpleNamespace(
            store=store, name="db", run="run 1", wave=types.SimpleNamespace(wave="w"), plan=None
        )

    @contextmanager
    def turn(_move, _step):
        yield world.turn

    def leave(_):
        world.left += 1

    modules = {
        "slots": {"turn": turn, "leave": leave},
        "window": {"opens_at": lambda _: world.opens, "run": world.begin("window", {"closes": "05:00"})},
        "backup": {"run": world.begin("backup", {"bytes_read": 1})},
        "transfer": {
            "begin": world.begin("transfer", True),
            "ended": lambda _, within: False,
            "finish": world.begin("finish", {"strategy": "live"}),
        },
    }
    import drover.migration

    for name, functions in modules.items():
        module = types.SimpleNamespace(**functions)
        monkeypatch.setitem(sys.modules, f"drover.migration.{name}", module)
        monkeypatch.setattr(drover.migration, name, module, raising=False)
    monkeypatch.setattr(migration, "opened", opened)
    monkeypatch.setattr(waiting, "opened", opened)
    return world


def operator(kind):
    return kind(task_id="task", wave="w.yaml", machine="db")


def deferred(task):
    with pytest.raises(TaskDeferred) as caught:
        task.execute(CONTEXT)
    return caught.value


@pytest.mark.parametrize("kind", [BackupOperator, TransferOperator])
def test_where_there_is_no_room_nothing_is_begun_and_no_worker_waits(world, kind):
    world.turn = FULL
    found = deferred(operator(kind))
    assert world.begun == []
    assert found.method_name == "execute_again"
    assert json.loads(found.trigger.who) == ["w", "run 1", "db"]
    assert json.loads(found.trigger.wanted) == {"host a": 1}


def test_a_task_that_is_resumed_asks_again(world):
    world.turn = FULL
    task = operator(BackupOperator)
    deferred(task)
    with pytest.raises(TaskDeferred):
        task.execute_again(CONTEXT, {"status": "room"})
    world.turn = FREE
    assert task.execute_again(CONTEXT, {"status": "room"}) == {"bytes_read": 1}


def test_a_live_move_keeps_its_places_while_it_is_waited_for(world):
    world.turn = Turn((), {})
    deferred(operator(TransferOperator))
    assert world.turn.stays
    operator(TransferOperator).execute_complete(CONTEXT, {"status": "done", "message": ""})
    assert world.left == 1


def test_a_window_that_closed_meanwhile_is_waited_for(world):
    world.opens = time.time() + 3600
    for kind in (WindowOperator, TransferOperator):
        found = deferred(operator(kind))
        assert found.trigger.moment.timestamp() == pytest.approx(world.opens, abs=1)
    assert world.begun == []
    world.opens = None
    assert operator(WindowOperator).execute_again(CONTEXT, None) == {"closes": "05:00"}


def test_nothing_is_resumed_at_once(world):
    """The scheduler may not have heard yet that the task waits, and would take it for a mistake."""
    world.opens = time.time() + 1
    assert deferred(operator(WindowOperator)).trigger.moment.timestamp() >= time.time() + AT_LEAST - 5


def test_a_machine_that_would_be_late_is_not_tried_again_by_itself(world):
    world.error = OperatorNeededError("It would arrive too late.", remedy="Tomorrow.")
    with pytest.raises(AirflowFailException, match="too late. Tomorrow."):
        operator(WindowOperator).execute(CONTEXT)


# The trigger


def test_the_trigger_survives_its_serialisation():
    trigger = RoomTrigger(who='["w", "run 1", "db"]', wanted='{"host a": 1}')
    path, arguments = trigger.serialize()
    assert all(isinstance(value, str) for value in arguments.values())
    assert import_string(path)(**arguments).serialize() == (path, arguments)


def test_one_event_when_there_is_room(monkeypatch):
    monkeypatch.setattr(triggers, "AT_LEAST", 0.0)
    monkeypatch.setattr(triggers, "_BETWEEN_LOOKS", 0.001)
    answers = [("full",), ("full",), ()]
    monkeypatch.setattr(RoomTrigger, "_full", lambda _: answers.pop(0))

    async def collect():
        return [event.payload async for event in RoomTrigger(who="[]", wanted="{}").run()]

    assert asyncio.run(collect()) == [{"status": "room"}]
    assert answers == []


def test_the_trigger_looks_where_tasks_take_their_places():
    assert RoomTrigger(who='["w", "r", "m"]', wanted='{"host a": 1}')._full() == ()


# The DAG


def test_the_window_is_a_task_where_the_wave_has_one(tmp_path):
    path = write(tmp_path, "night", "  - {name: db, strategy: cold}\n")
    path.write_text(
        path.read_text().replace("machines:", 'window: {opens: "22:00", closes: "05:00", timezone: UTC}\nmachines:')
    )
    dag = build_dag(load(path), path)
    assert dag.get_task("db.window").downstream_task_ids == {"db.transfer"}
    assert "db.window" not in dag.get_task("db.rollback").upstream_task_ids, "nothing has been changed yet"
    other = pair(tmp_path)
    assert not build_dag(load(other), other).has_task("db.window")
    assert "window" not in HEAD
