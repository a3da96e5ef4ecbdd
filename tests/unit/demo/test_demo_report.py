"""What the demo says of a task that failed: the stage's own words, and what the log of each try ends with."""

import json
import re
import time

import pytest

from drover.evidence.store import RunStore
from drover_airflow import wave_dag
from drover_lab.demo import report
from drover_lab.demo.home import Home


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(Home, "logs", property(lambda self: tmp_path / "logs"))
    return Home("reporting")


def failed(step, tries=1):
    return {"task_id": f"web.{step}", "state": "failed", "try_number": tries}


def write_log(home, step, attempt, *entries):
    path = report.log_of(home, "wave_demo", "run", f"web.{step}", attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def told(home, tmp_path, task):
    return report.failures([task], RunStore(tmp_path / "store", "demo", "run"), home, "wave_demo", "run")


def test_a_live_move_that_could_not_begin_is_told_in_its_own_words(home, tmp_path):
    RunStore(tmp_path / "store", "demo", "run").machine("web").record(
        "transfer-begin", "failed", {"message": "kvm-a did not begin to move machine 'web'."}
    )
    write_log(home, "transfer", 1)
    (said,) = told(home, tmp_path, failed("transfer"))
    assert said.startswith("web: transfer failed. kvm-a did not begin to move machine 'web'.")


def test_the_errors_of_every_try_are_told(home, tmp_path):
    frames = [{"filename": "/x/live.py", "lineno": 7, "name": "status"}]
    detail = [{"exc_type": "KeyError", "exc_value": "'type'", "frames": frames}]
    write_log(home, "transfer", 1, {"level": "info", "event": "fine"}, {"level": "error", "event": "first"})
    write_log(home, "transfer", 2, {"level": "error", "event": "second", "error_detail": detail})
    (said,) = told(home, tmp_path, failed("transfer", tries=2))
    assert "  Try 1: first\n" in said
    assert "  Try 2: second\n  Try 2: KeyError: 'type'\n  Try 2: live.py:7 status\n" in said
    assert "fine" not in said


def test_what_waits_for_its_next_try_is_told_as_well(home, tmp_path):
    write_log(home, "rollback", 1, {"level": "error", "event": "hv-b does not answer."})
    (said,) = told(home, tmp_path, failed("rollback") | {"state": "up_for_retry"})
    assert "  Try 1: hv-b does not answer.\n" in said
    assert told(home, tmp_path, failed("rollback") | {"state": "running"}) == []


def test_what_was_expected_is_said_beside_what_it_took(tmp_path):
    store = RunStore(tmp_path / "store", "demo", "run")
    names = ["db", "web"]
    assert report.estimated(90.0, report.took(store, names)) == "Estimated 90 s, and nothing was begun."
    now = time.time()
    store.machine("db").record("inventory", "passed", {}, now - 100)
    store.machine("web").record("commit", "passed", {}, now - 1)
    said = report.estimated(90.0, report.took(store, names))
    assert re.fullmatch(r"Estimated 90 s, took 10[0-9] s \(-1?[0-9] %\)\.", said)


def test_a_log_that_is_gone_is_said_to_be(home, tmp_path):
    (said,) = told(home, tmp_path, failed("backup"))
    assert "Try 1: its log cannot be read" in said


def test_a_wave_that_was_refused_as_a_whole_is_told_with_what_its_log_says(home, tmp_path):
    task = {"task_id": "wave--preflight", "state": "failed", "try_number": 1}
    path = report.log_of(home, "wave_demo", "run", "wave--preflight", 1)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"level": "error", "event": "'web' cannot be moved."}))
    (said,) = told(home, tmp_path, task)
    assert said.startswith("Nothing of the wave was begun: its preflight failed.\n  Try 1: 'web' cannot be moved.\n")
    assert told(home, tmp_path, task | {"task_id": "wave--report"}) == [], "it only says what others failed at"
    assert report.FIRST == wave_dag.PREFLIGHT


def test_what_did_not_fail_by_itself_is_not_told(home, tmp_path):
    assert told(home, tmp_path, {"task_id": "web.cutover", "state": "upstream_failed", "try_number": 0}) == []


def test_whose_backup_was_booted_is_told_and_a_skipped_one_is_none(tmp_path):
    store = RunStore(tmp_path / "store", "demo", "run")
    store.machine("db").record("restore-test", "passed", {"policy": "sample", "skipped": "not in the sample"})
    store.machine("web").record("restore-test", "failed", {"message": "it did not boot"})
    assert report.booted(store, ["db", "web", "files"]) == ""
    store.machine("files").record("restore-test", "passed", {"name": "files-drover-restored", "checks": 3})
    assert report.booted(store, ["db", "web", "files"]) == (
        "Booted from their backups on the isolated network, and removed: files (3 checks)."
    )
