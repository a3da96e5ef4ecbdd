"""How a stage's end becomes a task's: what is tried again, what is not, and what a killed task leaves."""

import os
import signal
import sys
import types
from contextlib import contextmanager

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from waves_for_dags import pair

from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.migration.slots import Turn
from drover_airflow.operators import migration
from drover_airflow.operators.migration import RollbackOperator, TransferOperator, ValidateOperator
from drover_airflow.operators.report import ReportOperator
from drover_airflow.operators.take_back import TakeBackOperator
from drover_airflow.triggers.migration import TransferTrigger

CONTEXT = {"run_id": "run 1"}


class Store:
    folder = "/evidence/db"

    def last(self, *_):
        return None


@pytest.fixture
def stage(monkeypatch):
    """Puts a function in the place of a stage, and a move without connections in the place of the real one."""
    closed = []

    @contextmanager
    def opened(*_, **__):
        try:
            yield types.SimpleNamespace(store=Store(), name="db")
        finally:
            closed.append(True)

    monkeypatch.setattr(migration, "opened", opened)

    @contextmanager
    def turn(*_):
        yield Turn((), {})

    def put(name, **functions):
        import drover.migration
        from drover.migration import slots, window

        monkeypatch.setattr(slots, "turn", turn)
        monkeypatch.setattr(slots, "leave", lambda _: None)
        monkeypatch.setattr(window, "opens_at", lambda _: None)
        module = types.SimpleNamespace(**functions)
        monkeypatch.setitem(sys.modules, f"drover.migration.{name}", module)
        monkeypatch.setattr(drover.migration, name, module, raising=False)
        return closed

    return put


def fails_with(error):
    def run(_):
        raise error

    return run


def validate():
    return ValidateOperator(task_id="validate", wave="w.yaml", machine="db")


def test_what_may_succeed_later_is_tried_again(stage):
    stage("validate", run=fails_with(RetryableError("The host is busy.", remedy="Wait.")))
    with pytest.raises(AirflowException, match="The host is busy. Wait.") as caught:
        validate().execute(CONTEXT)
    assert not isinstance(caught.value, AirflowFailException)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("kind", [OperatorNeededError, CorruptionError])
def test_what_cannot_is_not(stage, kind):
    stage("validate", run=fails_with(kind("Disk vda differs.", remedy="Look.")))
    with pytest.raises(AirflowFailException, match="Disk vda differs. Look."):
        validate().execute(CONTEXT)


def test_a_mistake_of_ours_is_not_hidden(stage):
    stage("validate", run=fails_with(KeyError("oops")))
    with pytest.raises(KeyError):
        validate().execute(CONTEXT)


def test_the_log_tells_every_fact_and_where_the_evidence_is(stage, capsys):
    stage("validate", run=lambda _: {"checks": 12, "suites": {"transfer": 3}})
    operator = validate()
    assert operator.execute(CONTEXT)["checks"] == 12
    told = capsys.readouterr().out
    assert "checks: 12" in told
    assert "/evidence/db" in told


def test_a_killed_task_closes_what_it_opened(stage):
    """Airflow calls `on_kill` inside its signal handler; the stage must unwind from there."""
    operator = validate()
    previous = signal.signal(signal.SIGTERM, lambda *_: operator.on_kill())
    try:
        closed = stage("validate", run=lambda _: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(SystemExit):
            operator.execute(CONTEXT)
    finally:
        signal.signal(signal.SIGTERM, previous)
    assert closed == [True]


def test_on_kill_does_nothing_when_nothing_is_under_way(stage):
    """After a timeout Airflow calls it too, and would lose the timeout's own error."""
    stage("validate", run=lambda _: {})
    operator = validate()
    operator.execute(CONTEXT)
    operator.on_kill()


def test_a_cold_transfer_is_done_when_it_has_begun(stage):
    stage("transfer", begin=lambda _: False)
    operator = TransferOperator(task_id="transfer", wave="w.yaml", machine="db")
    assert operator.execute(CONTEXT) == {}


def test_a_live_transfer_is_waited_for_without_a_worker(stage):
    closed = stage("transfer", begin=lambda _: True, ended=lambda _, within: False)
    operator = TransferOperator(task_id="transfer", wave="w.yaml", machine="db")
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(CONTEXT)
    assert closed == [True]
    trigger = deferred.value.trigger
    assert isinstance(trigger, TransferTrigger)
    assert trigger.serialize()[1] == {"wave": "w.yaml", "machine": "db", "run": "run 1"}


def test_a_live_transfer_that_is_over_soon_is_finished_where_it_began(stage):
    """As a try is that comes back to a move that is over: deferred, it would be ended by the scheduler each time."""
    finished = []
    closed = stage("transfer", begin=lambda _: True, ended=lambda _, within: within > 0, finish=finished.append)
    TransferOperator(task_id="transfer", wave="w.yaml", machine="db").execute(CONTEXT)
    assert len(finished) == 1
    assert closed == [True]


def test_after_the_wait_the_host_is_asked_and_not_the_event(stage):
    stage("transfer", finish=fails_with(RetryableError("It did not succeed.", remedy="Again.")))
    operator = TransferOperator(task_id="transfer", wave="w.yaml", machine="db")
    with pytest.raises(AirflowException, match="did not succeed"):
        operator.execute_complete(CONTEXT, {"status": "done", "message": ""})
    with pytest.raises(AirflowException, match="gone"):
        operator.execute_complete(CONTEXT, {"status": "lost", "message": "The host is gone."})


def test_whatever_was_changed_is_taken_back(stage):
    stage("rollback", run=lambda _: {"source": "running"})
    operator = RollbackOperator(task_id="rollback", wave="w.yaml", machine="db")
    assert operator.execute(CONTEXT) == {"source": "running"}


def test_where_nothing_was_changed_the_rollback_is_skipped(stage):
    stage("rollback", run=lambda _: {"nothing": "the machine was not looked at yet"})
    operator = RollbackOperator(task_id="rollback", wave="w.yaml", machine="db")
    with pytest.raises(AirflowSkipException, match="was not looked at yet"):
        operator.execute(CONTEXT)


def test_a_form_with_mistakes_leaves_nothing_to_take_back_and_nothing_to_report():
    with pytest.raises(AirflowSkipException, match="the form made no wave"):
        RollbackOperator(task_id="rollback", wave="", machine="").execute(CONTEXT)
    with pytest.raises(AirflowFailException, match="The form made no wave"):
        ReportOperator(task_id="report", wave="").execute(CONTEXT)


def test_a_machine_that_left_the_wave_file_is_told(tmp_path):
    operator = ValidateOperator(task_id="validate", wave=str(pair(tmp_path)), machine="gone")
    with pytest.raises(AirflowFailException, match="has no machine 'gone'"):
        operator.execute(CONTEXT)


def test_a_wave_file_that_is_gone_is_told(tmp_path):
    operator = ValidateOperator(task_id="validate", wave=str(tmp_path / "none.yaml"), machine="db")
    with pytest.raises(AirflowFailException, match="no such file"):
        operator.execute(CONTEXT)


@pytest.mark.parametrize("operator", [RollbackOperator, TakeBackOperator])
def test_a_machine_on_its_way_back_is_tried_again_whatever_is_in_the_way(stage, monkeypatch, operator):
    """A host that says `image is locked` once must not leave the source off until the whole wave has ended."""
    failing = fails_with(OperatorNeededError("The image is locked.", remedy="Wait."))
    stage("rollback", run=failing)
    monkeypatch.setattr("drover_airflow.operators.take_back.reopened", migration.opened)
    values = {"run": "run 1"} if operator is TakeBackOperator else {}
    task = operator(task_id="rollback", wave="w.yaml", machine="db", **values)
    with pytest.raises(AirflowException, match="The image is locked. Wait.") as caught:
        task.execute(CONTEXT)
    assert not isinstance(caught.value, AirflowFailException)


def test_a_wrong_answer_in_the_form_is_not_tried_again(monkeypatch, tmp_path):
    monkeypatch.setenv("DROVER_STORE", str(tmp_path))
    with pytest.raises(AirflowFailException, match="Nothing is known of a run"):
        TakeBackOperator(task_id="take_back", wave="nowhere", run="no-run", machine="db").execute(CONTEXT)
