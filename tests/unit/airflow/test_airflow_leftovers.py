"""What a run left at a target: its report names it and is not green, and the sweep is told."""

from types import SimpleNamespace

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from test_airflow_at_work import told
from test_airflow_taking_back import RUN, ended, machine, names
from waves_for_dags import write

from drover.migration import leftovers
from drover.migration.move import open_move
from drover_airflow.kept import keep
from drover_airflow.operators.report import ReportOperator
from drover_airflow.settings import store_root
from drover_airflow.taking_back import left_behind

STILL = "machine 'web-drover-trial' is still at the target lab_kvm_b, running"


@pytest.fixture
def path(tmp_path):
    """`db` was moved, `web` was taken back."""
    path = str(write(tmp_path, "shop", "  - {name: db, strategy: cold}\n  - {name: web, strategy: cold}\n"))
    kept = keep(path, RUN, "wave_shop").wave
    for name in ("db", "web"):
        with open_move(kept, name, RUN, None, store_root()) as move:
            move.remember(machine(name))
            move.store.record("commit" if name == "db" else "validate", "passed" if name == "db" else "failed", {})
            if name == "web":
                move.store.record("rollback", "passed", {"target": "off, and could not be removed"})
    return path


def report(path, **events):
    with DAG("wave_shop"):
        operator = ReportOperator(task_id="report", wave=path)
    operator.outlets = list(events)
    return operator.execute({"run_id": RUN, "outlet_events": events})


def test_the_report_names_what_is_left_and_whose_it_is(path, monkeypatch):
    monkeypatch.setattr(leftovers, "look", lambda *_: {"web": [STILL]})
    with pytest.raises(AirflowFailException) as failed:
        report(path)
    assert "1 of 2 machines were not moved. web: " in str(failed.value)
    assert f"Left behind: web: {STILL}. The DAG 'sweep' goes on trying to remove it." in str(failed.value)


def test_a_run_that_moved_all_is_not_green_where_something_is_left(path, monkeypatch):
    with open_move(keep(path, RUN, "").wave, "web", RUN, None, store_root()) as move:
        move.store.record("commit", "passed", {})
    monkeypatch.setattr(leftovers, "look", lambda *_: {})
    assert set(report(path)) == {"db", "web"}
    monkeypatch.setattr(leftovers, "look", lambda *_: {"web": [STILL]})
    with pytest.raises(AirflowFailException, match=r"All 2 machines were moved\. Left behind: web: machine 'web-dr"):
        report(path)


def test_what_is_left_stands_in_the_result_for_whoever_waits_for_it(path, monkeypatch):
    monkeypatch.setattr(leftovers, "look", lambda *_: {"web": [STILL]})
    asset = SimpleNamespace(extra=None)
    with pytest.raises(AirflowFailException):
        report(path, asset=asset)
    assert asset.extra["machines"]["web"]["left"] == [STILL]
    assert "left" not in asset.extra["machines"]["db"]


def test_the_sweep_takes_away_what_is_marked_once_its_run_lets_go(path):
    with open_move(keep(path, RUN, "").wave, "web", RUN, None, store_root()) as move:
        leftovers.mark(move)
    assert left_behind(told({"web.rollback": "up_for_retry"})) == []
    assert names(left_behind(told({"web.rollback": "success"}))) == ["web"]
    assert names(left_behind(ended)) == ["web"]
