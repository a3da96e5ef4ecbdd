"""A wave's rehearsal is a DAG of its own, in which nothing can move a machine."""

import pytest
from waves_for_dags import pair

from drover.errors import BadInputError
from drover_airflow.kept import keep, newest_run
from drover_airflow.wave_files import dags_of, rehearsals_of

STEPS = ["inventory", "preflight", "backup", "rehearse"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DROVER_WAVES", str(tmp_path))
    return tmp_path


def found(dags):
    return {dag.dag_id: dag for dag in dags}


def test_each_wave_has_one_and_nothing_in_it_moves_a_machine(folder):
    pair(folder)
    (folder / "broken.yaml").write_text("wave: broken\n")
    (dag,) = rehearsals_of(folder)
    assert dag.dag_id == "rehearse_pair"
    assert set(dag.task_ids) == {
        "wave--preflight",
        "wave--report",
        *(f"{name}.{step}" for name in ("db", "web") for step in STEPS),
    }
    assert dag.get_task("web.inventory").upstream_task_ids == {"wave--preflight"}
    assert dag.get_task("wave--report").upstream_task_ids == {"db.rehearse", "web.rehearse"}
    assert dag.schedule is None


def test_a_file_that_says_rehearsal_has_no_other_dag(folder):
    path = pair(folder)
    path.write_text(path.read_text().replace("machines:", "mode: rehearsal\nmachines:"))
    assert found(rehearsals_of(folder)) == {}
    assert "db.rehearse" in found(dags_of(folder))["wave_pair"].task_ids
    assert "db.transfer" not in found(dags_of(folder))["wave_pair"].task_ids


def test_what_its_runs_do_is_a_rehearsal_whatever_the_file_says(folder):
    path = str(pair(folder))
    assert keep(path, "real-1", "wave_pair").wave.mode == "real"
    assert keep(path, "rehearsed-1", "rehearse_pair").wave.mode == "rehearsal"
    assert keep(path, "rehearsed-1", "").wave.mode == "rehearsal"
    assert newest_run("pair") == "real-1"


def test_a_run_of_the_wave_is_no_run_of_its_rehearsal(tmp_path):
    """Their evidence would be one, so neither begins under the other's id."""
    path = str(pair(tmp_path))
    keep(path, "night-1", "rehearse_pair")
    with pytest.raises(BadInputError, match="run night-1 of wave_pair has the id of a run of rehearse_pair"):
        keep(path, "night-1", "wave_pair")
