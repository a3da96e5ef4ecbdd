"""That Airflow will come to a task is no hand: a worker may be dead, a DAG paused, and the source is off meanwhile."""

import time
from dataclasses import replace

import pytest
from test_airflow_at_work import STATES, told
from test_airflow_at_work import wave as wave  # noqa: PLC0414  # a fixture
from test_airflow_taking_back import RUN, answers, names

from drover.errors import OperatorNeededError
from drover.migration import intents
from drover.migration.intents import Intent
from drover.migration.move import open_move
from drover_airflow import hands
from drover_airflow.hands import refuse_waiting
from drover_airflow.settings import store_root
from drover_airflow.taking_back import asked_for, left_behind

# Somebody works at the other one.
BACK_GOES_ON = {"db.transfer": "failed", "db.rollback": "running"}


@pytest.fixture
def quiet(monkeypatch):
    """Nothing was written down of any machine for long."""
    monkeypatch.setattr(hands, "QUIET_SECONDS", -1.0)


def store_of(wave, name):
    with open_move(wave, name, RUN, None, store_root()) as move:
        return move.store


@pytest.mark.parametrize("state", ["queued", "scheduled", "up_for_retry", None])
def test_a_rollback_that_is_due_and_finds_no_worker_is_swept(wave, quiet, state):
    at_work = told(web__rollback=state)
    assert names(left_behind(at_work)) == ["web"]
    assert names(asked_for(answers(machines=["web"]), at_work)) == ["web"]


@pytest.mark.parametrize("state", ["running", "deferred", "awaiting_input", "new"])
def test_a_rollback_that_somebody_works_at_is_his(wave, quiet, state):
    assert left_behind(told(web__rollback=state)) == []


def test_a_machine_that_did_not_fail_is_its_runs_however_long_it_waits(wave, quiet):
    states = {"db.transfer": "success", "db.validate": "queued", "db.rollback": None, "web.rollback": "running"}
    assert left_behind(told(states)) == []


def test_a_rollback_that_was_tried_a_while_ago_is_its_runs(wave):
    store_of(wave, "web").record("rollback", "info", {"begins": True})
    assert left_behind(told(web__rollback="up_for_retry")) == []


@pytest.mark.parametrize(("state", "swept"), [("queued", ["web"]), (None, ["web"]), ("running", [])])
def test_what_the_waves_last_tasks_take_back_is_swept_where_none_of_them_begins(wave, quiet, state, swept):
    intents.declare(store_of(wave, "web"), Intent.RETURNING)
    states = {**BACK_GOES_ON, "web.commit": "success", "web.rollback": "skipped", "wave--take_back_0": state}
    assert names(left_behind(told(states))) == swept


# Those that wait with their source down


def down(wave, name):
    return intents.declare(store_of(wave, name), Intent.SOURCE_DOWN)


@pytest.mark.parametrize("state", ["queued", None, "up_for_retry", "deferred", "awaiting_input"])
def test_a_machine_that_is_off_and_waits_in_a_paused_dag_is_told_by_name(wave, state):
    """Also for a person's answer: nobody would take it up."""
    down(wave, "db")
    paused = replace(told({"db.validate": state, "web.rollback": "success"}), paused=lambda dag: dag == "wave_shop")
    with pytest.raises(OperatorNeededError, match=r"'db' is off since .*wave_shop waits, because that DAG is pa"):
        refuse_waiting(paused)


def test_a_worker_that_has_its_task_is_not_stopped_by_a_pause(wave):
    down(wave, "db")
    refuse_waiting(replace(told(STATES), paused=lambda _: True))


def test_a_machine_that_is_off_and_whose_next_task_nobody_takes_is_told_by_name(wave, monkeypatch):
    down(wave, "db")
    waits = told({"db.validate": "queued", "web.rollback": "success"})
    refuse_waiting(waits)
    monkeypatch.setattr(hands, "QUIET_SECONDS", -1.0)
    with pytest.raises(OperatorNeededError, match=r"'db' is off since .* did nothing for it since .* no worker takes"):
        refuse_waiting(waits)


def test_who_is_up_or_asked_for_its_approval_waits_for_nobody(wave, quiet):
    db = store_of(wave, "db")
    refuse_waiting(told({"db.validate": "queued"}))
    down(wave, "db")
    refuse_waiting(told({"db.approval": "awaiting_input"}))
    intents.declare(db, Intent.TARGET_STARTED)
    refuse_waiting(told({"db.commit": "queued"}))
    intents.declare(db, Intent.RETURNING)
    with pytest.raises(OperatorNeededError, match="'db' is off"):
        refuse_waiting(told({"db.commit": "success"}))
    intents.declare(db, Intent.SOURCE_BACK)
    refuse_waiting(told({"db.commit": "success"}))


def test_the_time_that_counts_is_that_of_the_newest_word(wave):
    before = time.time() - 0.01  # a record's time has milliseconds
    store = store_of(wave, "db")
    store.record("validate", "info", {"begins": True})
    assert before <= hands._last(store) <= time.time()
