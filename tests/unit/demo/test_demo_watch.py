"""What the terminal shows of a wave, from what Airflow says of its tasks."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from drover.errors import RetryableError
from drover.evidence.store import RunStore
from drover_lab.demo import watch


def tasks(**states):
    return [{"task_id": f"db.{step}", "state": state} for step, state in states.items()]


def test_the_states_of_each_machine():
    found = watch.states_of([*tasks(inventory="success"), {"task_id": "wave--report", "state": None}], ["db", "web"])
    assert found == {"db": {"inventory": "success"}, "web": {}}


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({}, "waits"),
        ({"inventory": "success", "preflight": "running"}, "preflight"),
        ({"transfer": "deferred"}, "transfer"),
        ({"transfer": "up_for_retry"}, "transfer (again)"),
        ({"validate": "failed", "cutover": "upstream_failed"}, "validate failed"),
        ({"validate": "failed", "rollback": "running"}, "rollback"),
        ({"validate": "failed", "rollback": "success"}, "validate failed, source runs again"),
        ({"inventory": "upstream_failed"}, "not begun"),
        ({"test": "success", "approval": "awaiting_input"}, "waits for a person"),
        ({"commit": "success", "rollback": "skipped"}, "moved"),
    ],
)
def test_what_is_said_of_a_machine(states, said):
    assert watch.current(states) == said


def test_a_machine_that_was_moved_is_all_done():
    assert sum(watch.STEPS.values()) == 100
    assert watch.done(dict.fromkeys(watch.STEPS, "success"), 0.0) == 100


def test_a_step_under_way_counts_by_its_share():
    before = watch.done({"inventory": "success"}, 0.5)
    assert watch.done({"inventory": "success", "preflight": "running"}, 0.5) == before + watch.STEPS["preflight"] / 2


def test_without_a_terminal_each_change_is_one_plain_line():
    output = io.StringIO()
    with watch._display(["db"], Console(file=output, force_terminal=False)) as show:
        for state in ("running", "deferred", "scheduled", "running"):
            show({"db": {"inventory": state}}, {})
        show({"db": {"inventory": "success", "preflight": "failed"}}, {})
    assert output.getvalue().splitlines() == ["db: inventory begins", "db: inventory done", "db: preflight FAILED"]


def test_a_question_is_told_once_each_time_that_it_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "_BETWEEN_LOOKS", 0)
    monkeypatch.setattr(watch, "_HEARD", 0)
    looks = iter(["running", "awaiting_input", "awaiting_input", "running", "awaiting_input", "success"])
    ends = iter([*["running"] * 5, "success"])
    airflow = SimpleNamespace(tasks=lambda *_: tasks(approval=next(looks, "success")), run_state=lambda *_: next(ends))
    asked = []

    state = watch.follow(
        airflow, "wave_x", "run", RunStore(tmp_path, "x", "run"), ["db"], Console(file=io.StringIO()), asked.append
    )

    assert state == "success"
    assert asked == ["db.approval", "db.approval"]


def test_a_question_is_not_answered_before_the_scheduler_has_heard_that_it_is_asked(tmp_path, monkeypatch):
    clock, looked, asked = iter(range(1000)), [], []
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=looked.append))
    airflow = SimpleNamespace(
        tasks=lambda *_: tasks(approval="awaiting_input"), run_state=lambda *_: "success" if asked else "running"
    )
    watch.follow(
        airflow, "wave_x", "run", RunStore(tmp_path, "x", "run"), ["db"], Console(file=io.StringIO()), asked.append
    )
    assert asked == ["db.approval"]
    assert len(looked) > 2


@pytest.mark.parametrize("shown", ["awaiting_input", "up_for_retry"])
def test_a_run_that_does_not_end_is_given_up_but_a_person_is_waited_for(tmp_path, monkeypatch, shown):
    """Somebody answers after 50 minutes, or a rollback is tried again for as long."""
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda _: now.__setitem__(0, now[0] + 300))
    monkeypatch.setattr(watch, "time", clock)
    airflow = SimpleNamespace(
        tasks=lambda *_: tasks(approval=shown), run_state=lambda *_: "success" if now[0] >= 3000 else "running"
    )

    def follow():
        store = RunStore(tmp_path, "x", "run")
        return watch.follow(airflow, "wave_x", "run", store, ["db"], Console(file=io.StringIO()), lambda _: None)

    if shown == "awaiting_input":
        assert follow() == "success"
    else:
        with pytest.raises(RetryableError, match=r"The run run did not end within 1800 s"):
            follow()
