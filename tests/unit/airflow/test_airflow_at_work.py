"""Whether a run still works at one of its machines: by the states of that machine's tasks, and by nothing else."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from test_airflow_taking_back import RUN, answers, machine, names
from waves_for_dags import write

from drover.migration import claims, intents, rollback
from drover.migration.intents import Intent
from drover.migration.move import open_move
from drover.waves.loader import load
from drover_airflow import at_work
from drover_airflow.at_work import AtWork
from drover_airflow.kept import keep
from drover_airflow.operators.take_back import TakeBackOperator
from drover_airflow.settings import store_root
from drover_airflow.taking_back import asked_for, left_behind
from drover_airflow.wave_dag import build_dag

DAGS = Path(__file__).parents[3] / "dags"
MACHINES = "  - {name: db, strategy: cold}\n  - {name: web, strategy: cold}\n"
# As Airflow tells them: `db` moved, the rollback of `web` gave up.
STATES = {
    "db.transfer": "running",
    "db.rollback": None,
    "web.transfer": "failed",
    "web.commit": "upstream_failed",
    "web.rollback": "failed",
    "wave--report": None,
}


@pytest.fixture
def wave(tmp_path):
    """Both machines are on their way."""
    kept = keep(str(write(tmp_path, "shop", MACHINES)), RUN, "wave_shop").wave
    for name in ("db", "web"):
        with open_move(kept, name, RUN, None, store_root()) as move:
            move.remember(machine(name))
            claims.claim(move)
            intents.declare(move.store, Intent.BEGUN)
    return kept


def told(states=STATES, **changed):
    """A run that is at work, with these tasks."""
    changed = {name.replace("__", "."): state for name, state in changed.items()}
    return AtWork(lambda dag, run: True, lambda dag, run: {**states, **changed})


def test_a_machine_whose_own_rollback_gave_up_is_taken_back_while_its_run_works_on(wave):
    assert names(left_behind(told())) == ["web"]


@pytest.mark.parametrize("state", ["up_for_retry", "deferred", "queued", "running", "awaiting_input", None, "new"])
def test_a_task_that_works_or_is_still_to_work_keeps_its_machine(wave, state):
    """Also a state that nobody knows: unknown blocks."""
    for task in ("web__transfer", "web__rollback"):
        assert left_behind(told(**{task: state})) == []


def test_where_airflow_knows_no_task_of_a_machine_nothing_is_taken_back(wave):
    assert left_behind(told({})) == []
    assert left_behind(told({"webby.rollback": "failed"})) == []


def test_a_machine_that_others_of_its_run_take_back_is_theirs(wave):
    with open_move(wave, "web", RUN, None, store_root()) as move:
        intents.declare(move.store, Intent.RETURNING)
    assert left_behind(told()) == []


def test_by_hand_it_is_taken_back_too_and_nobody_need_end_the_run(wave):
    assert names(asked_for(answers(machines=["web"]), told())) == ["web"]
    assert names(asked_for(answers(), told())) == ["web"]


def test_in_a_mapped_group_each_machine_has_its_own_tasks(tmp_path):
    kept = keep(str(write(tmp_path, "shop", MACHINES)), RUN, "evacuate_host")
    states = {f"each.machine.{step}_{number}": "failed" for step in ("transfer", "rollback") for number in (0, 1, 10)}
    busy = told({**states, "each.machine.rollback_0": "up_for_retry", "each.machine.rollback_10": "running"})
    assert [busy.at(kept, name) for name in ("db", "web")] == [True, False]
    # A task that was not mapped yet is one of every machine.
    assert told({**states, "each.machine.commit": None}).at(kept, "web")


def test_the_groups_of_tasks_are_called_as_it_believes(tmp_path):
    for file, group in at_work.GROUPS.items():
        spec = importlib.util.spec_from_file_location(file, DAGS / f"{file}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert f"{group}.rollback" in module.report.dag.task_ids
    path = write(tmp_path, "shop", MACHINES)
    assert {"db.rollback", "web.rollback"} <= set(build_dag(load(path), path).task_ids)


def test_the_sweep_asks_again_right_before_it_takes_back(wave, monkeypatch):
    """Hours may lie between: meanwhile somebody may have cleared the machine's tasks, so that they begin again."""
    states, back = dict(STATES), []
    ti = SimpleNamespace(get_dr_count=lambda **_: 1, get_task_states=lambda **_: {RUN: states})
    monkeypatch.setattr(rollback, "run", lambda move: back.append(move.name) or {})
    task = TakeBackOperator(task_id="take_back", wave="shop", run=RUN, machine="web", only_left=True)

    task.execute({"ti": ti})
    states["web.transfer"] = "queued"
    with pytest.raises(AirflowSkipException, match="'web' is in good hands"):
        task.execute({"ti": ti})

    assert back == ["web"]
