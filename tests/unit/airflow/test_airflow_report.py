"""The last task of a wave says what became of each machine, and fails where not all were moved."""

import re
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException
from waves_for_dags import pair

from drover.evidence.store import RunStore
from drover.migration.outcome import outcome
from drover_airflow.operators.report import ReportOperator

RUN = "manual__1"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
    return RunStore(tmp_path / "store", "pair", RUN)


def report(tmp_path, more=""):
    path = pair(tmp_path)
    path.write_text(path.read_text() + more)
    asset = Asset("result")
    events = {asset: SimpleNamespace(extra=None)}
    operator = ReportOperator(task_id="report", wave=str(path), outlets=[asset])
    try:
        return operator.execute({"run_id": RUN, "outlet_events": events})
    finally:
        assert events[asset].extra["wave"] == "pair"


def test_all_moved(run, tmp_path):
    for name in ("db", "web"):
        run.machine(name).record("commit", "passed", {"strategy": "cold"})
    assert report(tmp_path)["db"] == {"state": "moved", "strategy": "cold"}


def test_each_machine_has_a_sentence_in_the_log(run, tmp_path, capsys):
    for name in ("db", "web"):
        run.machine(name).record("commit", "passed", {"strategy": "cold", "bytes_written": 2**30, "seconds": 100.0})
    report(tmp_path)
    assert "db: moved to lab_kvm_b (cold), 1.0 GiB in 2 min" in capsys.readouterr().out


def test_one_that_was_brought_back_fails_the_run_and_says_why(run, tmp_path):
    run.machine("db").record("validate", "failed", {"message": "Disk vda differs."})
    run.machine("db").record("rollback", "passed", {})
    with pytest.raises(AirflowFailException, match=r"2 of 2 .* db: Disk vda differs\. .* web: not begun"):
        report(tmp_path)


def test_a_failed_rollback_is_not_called_brought_back(run):
    store = run.machine("db")
    store.record("validate", "failed", {"message": "Disk vda differs."})
    store.record("rollback", "passed", {})
    store.record("cutover", "failed", {"message": "No answer."})
    store.record("rollback", "failed", {"message": "The source is gone."})
    found = outcome(store)
    assert found["state"] == "failed"
    assert found["why"] == "The source is gone."


def test_a_machine_that_was_taken_back_and_moved_later_counts_as_moved(run):
    store = run.machine("db")
    store.record("validate", "failed", {"message": "Disk vda differs."})
    store.record("rollback", "passed", {})
    store.record("commit", "passed", {})
    assert outcome(store)["state"] == "moved"


def test_where_nothing_was_changed_nothing_was_brought_back(run):
    store = run.machine("db")
    store.record("preflight", "failed", {"message": "No room."})
    store.record("rollback", "passed", {"nothing": "the source was never touched"})
    assert outcome(store) == {"state": "failed", "step": "preflight", "why": "No room."}


def test_a_failure_that_a_retry_mended_is_not_the_reason(run):
    store = run.machine("db")
    store.record("validate", "failed", {"message": "Disk vda differs."})
    store.record("transfer", "failed", {"message": "The host was away."})
    store.record("transfer", "passed", {})
    assert outcome(store) == {"state": "failed", "step": "validate", "why": "Disk vda differs."}


def test_a_commit_that_a_person_took_back_is_not_called_moved(run):
    store = run.machine("db")
    store.record("commit", "passed", {"strategy": "cold"})
    store.record("rollback", "failed", {"message": "No answer."})
    assert outcome(store)["state"] == "moved"
    store.record("rollback", "passed", {"committed": True})
    assert outcome(store)["state"] == "brought back"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("stay", "Those that were moved stay at the target, because the wave says so (on_failure: stay)."),
        ("take back", "Not taken back, though the wave says so (on_failure: take back): db."),
    ],
)
def test_what_stays_is_told_with_the_reason(run, tmp_path, policy, said):
    run.machine("db").record("commit", "passed", {})
    with pytest.raises(AirflowFailException, match=re.escape(said)):
        report(tmp_path, f"on_failure: {policy}\n")
