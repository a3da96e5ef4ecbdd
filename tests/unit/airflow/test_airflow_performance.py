"""A wave that compares performance has two more steps, with time for them; any other has none."""

from datetime import timedelta

import pytest
from waves_for_dags import pair

from drover.waves.loader import load, parse
from drover.waves.mistakes import WaveFileError
from drover_airflow.wave_dag import build_dag


def dag_of(path, text=""):
    path.write_text(path.read_text() + text)
    return build_dag(load(path), path)


def test_the_machine_is_measured_before_the_backup_and_before_the_commit(tmp_path):
    dag = dag_of(pair(tmp_path), "performance: {baseline: 2 h}\n")
    baseline, performance = dag.get_task("db.baseline"), dag.get_task("db.performance")
    assert (baseline.upstream_task_ids, baseline.downstream_task_ids) == ({"db.preflight"}, {"db.backup"})
    assert (performance.upstream_task_ids, performance.downstream_task_ids) == (
        {"db.cutover"},
        {"db.commit", "db.rollback"},
    )
    assert baseline.execution_timeout > timedelta(hours=2)
    assert performance.execution_timeout > timedelta(hours=2)


def test_a_wave_that_does_not_ask_has_no_such_step(tmp_path):
    assert not {"db.baseline", "db.performance"} & set(dag_of(pair(tmp_path)).task_ids)


def test_what_is_left_out_has_a_default_and_what_is_wrong_is_told(tmp_path):
    text = pair(tmp_path).read_text()
    found = parse(f"{text}performance: {{}}\n").performance
    assert (found.baseline, found.tolerance) == (300.0, 25.0)
    wrong = f"{text}performance: {{baseline: 0.5 s, tolerance: 25, at: night}}\n"
    with pytest.raises(WaveFileError) as raised:
        parse(wrong)
    told = str(raised.value)
    assert "performance.baseline" in told
    assert "25 has no unit" in told
    assert "the key 'at' is not known here" in told
