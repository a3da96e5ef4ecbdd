"""The task that asks a person: what Airflow is told, and what each answer becomes."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, TaskAwaitingInput
from waves_for_dags import pair, write

from drover.errors import OperatorNeededError
from drover.migration import approval, question
from drover.migration.approval import Choice
from drover.waves.loader import load
from drover.waves.schema import ApprovalPlan
from drover_airflow.operators import approval as operators
from drover_airflow.operators.approval import ApprovalOperator
from drover_airflow.wave_dag import build_dag

CONTEXT = {"run_id": "run 1", "task_instance": SimpleNamespace(id="ti")}
AT = datetime(2026, 11, 23, 22, 15, tzinfo=UTC)
PLAN = ApprovalPlan.model_validate({"approvers": ["alice"], "deadline": "2 h", "default": "postpone"})


@pytest.fixture
def asked(monkeypatch):
    """What Airflow was asked to show; the stage itself is replaced."""
    seen = []

    @contextmanager
    def opened(*_, **__):
        yield SimpleNamespace()

    monkeypatch.setattr(operators, "opened", opened)
    monkeypatch.setattr(approval, "given", lambda _: None)
    monkeypatch.setattr(approval, "ask", lambda _: 1800.0)
    monkeypatch.setattr(question, "question", lambda _: question.Question("Cutover of db", "**db**", PLAN))
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **given: seen.append(given))
    return seen


def task():
    return ApprovalOperator(task_id="approval", wave="w.yaml", machine="db")


def event(choice, user="alice", **more):
    by = {"id": user, "name": user.title()} if user else None
    return {"chosen_options": [choice], "params_input": {}, "responded_at": AT, "responded_by_user": by, **more}


def test_the_question_is_shown_with_the_waves_own_approvers_deadline_and_default(asked):
    with pytest.raises(TaskAwaitingInput) as parked:
        task().execute(CONTEXT)

    assert parked.value.timeout == timedelta(minutes=30)
    (shown,) = asked
    assert shown["options"] == [str(choice) for choice in Choice]
    assert (shown["subject"], shown["body"], shown["defaults"]) == ("Cutover of db", "**db**", ["postpone"])
    assert shown["assigned_users"] == [{"id": "alice", "name": "alice"}]


def test_who_has_said_yes_already_is_not_asked_again(asked, monkeypatch):
    monkeypatch.setattr(approval, "given", lambda _: {"by": "alice"})

    assert task().execute(CONTEXT) == {"by": "alice"}
    assert asked == []


@pytest.mark.parametrize(
    ("told", "by"),
    [(event("approve"), "alice"), (event("approve", None), None), (event("approve", timedout=True), None)],
)
def test_the_answer_reaches_the_evidence_with_its_giver(asked, monkeypatch, told, by):
    kept = []
    monkeypatch.setattr(approval, "answered", lambda _, answer: kept.append(answer) or {"answer": "approve"})

    assert task().execute_complete(CONTEXT, told) == {"answer": "approve"}
    assert kept == [approval.Answer(Choice.APPROVE, by and by.title(), AT, by)]


def test_to_postpone_asks_again(asked, monkeypatch):
    monkeypatch.setattr(approval, "answered", lambda *_: None)

    with pytest.raises(TaskAwaitingInput):
        task().execute_complete(CONTEXT, event("postpone"))

    assert len(asked) == 1


def test_to_roll_back_fails_the_task_at_once(asked, monkeypatch):
    def refuse(*_):
        raise OperatorNeededError("alice said no.", remedy="It goes back.")

    monkeypatch.setattr(approval, "answered", refuse)

    with pytest.raises(AirflowFailException, match="alice said no"):
        task().execute_complete(CONTEXT, event("roll back"))


def test_the_task_is_there_only_where_the_wave_asks_for_it(tmp_path):
    plain, asking = (
        pair(tmp_path, "plain"),
        write(
            tmp_path,
            "asking",
            "  - {name: db, strategy: cold, approval: {deadline: 1 h}}\n  - {name: web, strategy: live, after: [db]}\n",
        ),
    )
    assert not any("approval" in each.task_id for each in build_dag(load(plain), plain).tasks)
    dag = build_dag(load(asking), asking)
    assert dag.get_task("db.approval").upstream_task_ids == {"db.test"}
    assert dag.get_task("db.approval").downstream_task_ids == {"db.cutover", "db.rollback"}
    assert dag.get_task("web.test").downstream_task_ids == {"web.cutover", "web.rollback"}
