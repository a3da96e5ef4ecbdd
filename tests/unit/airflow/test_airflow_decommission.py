"""The DAG `decommission`: which machines it is about, what a person is asked, and what their answer becomes."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators import hitl
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput
from test_airflow_taking_back import RUN, answers, machine, names, store
from waves_for_dags import write

from drover.errors import BadInputError, OperatorNeededError
from drover.evidence import store as evidence
from drover.migration import decommission
from drover.migration.move import open_move
from drover.migration.question import plain
from drover_airflow.decommissioning import asked_for, question
from drover_airflow.kept import keep
from drover_airflow.operators.decommission import DecommissionApprovalOperator, DecommissionOperator
from drover_airflow.settings import store_root

CONTEXT = {"run_id": "manual__9", "task_instance": SimpleNamespace(id="ti")}
AT = datetime(2026, 11, 23, 22, 15, tzinfo=UTC)


@pytest.fixture
def wave(tmp_path):
    """`db | 1` is committed, `app` was not."""
    path = write(tmp_path, "shop", "  - {name: 'db | 1', strategy: cold}\n  - {name: app, strategy: cold}\n")
    kept = keep(str(path), RUN, "wave_shop").wave
    for plan in kept.machines:
        with open_move(kept, plan.key, RUN, None, store_root()) as move:
            move.remember(machine(plan.name))
    store("db | 1").record("commit", "passed", {})
    return kept


def chosen(**given):
    return asked_for(answers(days=0) | given)


def test_it_is_about_what_was_committed(wave):
    found = chosen()
    assert names(found) == ["db | 1"]
    assert found[0]["days"] == 0


def test_what_was_named_and_may_not_go_is_told(wave):
    with pytest.raises(OperatorNeededError, match="'app' is not removed: the move was not committed"):
        chosen(machines=["app"])
    with pytest.raises(OperatorNeededError, match="the commit is not 14 days ago"):
        chosen(days=14, machines=["db | 1"])
    with pytest.raises(BadInputError, match="no machine 'dbb'"):
        chosen(machines=["dbb"])
    store("db | 1").record("rollback", "passed", {})
    with pytest.raises(OperatorNeededError, match="has no source left behind"):
        chosen()


def test_whose_time_has_come_goes_and_the_others_are_named_with_their_date(wave, monkeypatch, caplog):
    """Only where nobody was named: who names a machine that is too early is told so."""
    with monkeypatch.context() as earlier:
        earlier.setattr(evidence, "time", SimpleNamespace(time=lambda: time.time() - 3 * decommission.DAY))
        store("db | 1").record("commit", "passed", {})
    due = datetime.fromisoformat(store("app").record("commit", "passed", {}).time) + timedelta(days=2)

    found = chosen(days=2)

    assert names(found) == ["db | 1"]
    when = f"{due.astimezone():%Y-%m-%d %H:%M %Z}"
    told = f"'app' is not removed: the commit is not 2 days ago. Run it again after {when}."
    assert told in caplog.text
    _, body = question(found)
    assert f"- The source of machine {plain(told)}" in body
    with pytest.raises(OperatorNeededError, match="'app' is not removed: the commit is not 2 days ago"):
        chosen(days=2, machines=["db | 1", "app"])
    with pytest.raises(OperatorNeededError, match=r"may be removed yet\. .*'db \| 1'.* 14 days .*'app'.* 14 days"):
        chosen(days=14)


def test_what_is_removed_already_is_not_asked_about_again(wave):
    """Its backup may be gone by the time that the others are due; named, it is told what was removed."""
    store("db | 1").record("decommission", "passed", {})
    with pytest.raises(OperatorNeededError, match="has no source left behind"):
        chosen()
    store("app").record("commit", "passed", {})
    assert names(chosen()) == ["app"]
    assert names(chosen(machines=["db | 1"])) == ["db | 1"]
    store("db | 1").record("commit", "passed", {})
    assert names(chosen()) == ["db | 1", "app"]


def test_the_question_names_each_machine_where_it_goes_from_and_its_disks(wave):
    subject, body = question(chosen())
    assert subject == "Remove 1 sources of wave shop for good"
    assert r"| db \| 1 | lab\_kvm\_a | not noted | lab\_kvm\_b |" in body
    disks = [{"disk": "vda", "path": "/pool/db_1.qcow2", "version": "7"}]
    store("db | 1").record("commit", "passed", {"left_at_source": disks})
    assert f"| {plain(disks[0]['path'])} |" in question(chosen())[1]
    assert "for good" in body


def asking(found):
    return DecommissionApprovalOperator(task_id="approval", machines=found)


def event(choice, user="alice", **more):
    by = {"id": user, "name": user} if user else None
    return {"chosen_options": [choice], "params_input": {}, "responded_at": AT, "responded_by_user": by, **more}


def test_a_person_is_asked_and_silence_is_no(wave, monkeypatch):
    seen = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **given: seen.append(given))
    with pytest.raises(TaskAwaitingInput) as parked:
        asking(chosen()).execute(CONTEXT)
    assert parked.value.timeout == timedelta(days=7)
    assert (seen[0]["options"], seen[0]["defaults"]) == (["remove for good", "leave them"], ["leave them"])
    for told in (event("leave them"), event("leave them", None, timedout=True), event("remove for good", None)):
        with pytest.raises(AirflowSkipException, match="nothing is removed"):
            asking(chosen()).execute_complete(CONTEXT, told)
    assert store("db | 1").last(decommission.APPROVAL) is None


def test_a_yes_is_kept_for_this_decommission_alone(wave, monkeypatch):
    asking(chosen()).execute_complete(CONTEXT, event("remove for good"))
    record = store("db | 1").last(decommission.APPROVAL)
    assert record.facts == {"ticket": "manual__9", "by": "alice", "at": AT.isoformat(), "user": "alice"}

    seen = []
    monkeypatch.setattr(
        decommission, "run", lambda move, ticket, days: seen.append((move.name, ticket, days)) or {"removed": []}
    )
    DecommissionOperator(task_id="decommission", **chosen()[0]).execute(CONTEXT)
    assert seen == [("db | 1", "manual__9", 0.0)]


# What the wave itself demands


@pytest.fixture
def strict(tmp_path):
    path = write(tmp_path, "strict", "  - {name: db, strategy: cold}\n")
    path.write_text(path.read_text() + "decommission: {waiting: 7 days, approvers: [bob, carol]}\n")
    kept = keep(str(path), RUN, "wave_strict").wave
    with open_move(kept, "db", RUN, None, store_root()) as move:
        move.remember(machine("db"))
        move.store.record("commit", "passed", {})
        yield move.store


def test_the_form_cannot_undercut_the_waves_waiting_time(strict, monkeypatch):
    for machines in ([], ["db"]):
        with pytest.raises(OperatorNeededError, match="the commit is not 7 days ago"):
            chosen(wave="strict", machines=machines)
        with pytest.raises(OperatorNeededError, match="the commit is not 30 days ago"):
            chosen(wave="strict", machines=machines, days=30)
    later = SimpleNamespace(time=lambda: time.time() + 8 * decommission.DAY)
    with monkeypatch.context() as patched:
        patched.setattr(decommission, "time", later)
        assert [each["machine"] for each in chosen(wave="strict")] == ["db"]
    # Nor does the task that removes, whatever it is handed.
    task = DecommissionOperator(task_id="decommission", wave="strict", run=RUN, machine="db", days=0.0)
    with pytest.raises(AirflowFailException, match="the commit is not 7 days ago"):
        task.execute(CONTEXT)


def test_the_waves_approvers_are_asked_and_nobody_elses_yes_counts(strict, monkeypatch):
    found = [{"wave": "strict", "run": RUN, "machine": "db", "days": 0.0}]
    seen = []
    monkeypatch.setattr(hitl, "upsert_hitl_detail", lambda **given: seen.append(given))
    with pytest.raises(TaskAwaitingInput):
        asking(found).execute(CONTEXT)
    assert [user["id"] for user in seen[0]["assigned_users"]] == ["bob", "carol"]
    with pytest.raises(AirflowFailException, match="alice said yes, and the wave wants it of bob, carol"):
        asking(found).execute_complete(CONTEXT, event("remove for good"))
    assert strict.last(decommission.APPROVAL) is None
    asking(found).execute_complete(CONTEXT, event("remove for good", "carol"))
    assert strict.last(decommission.APPROVAL).facts["user"] == "carol"
