"""A wave becomes a DAG: its tasks, its order, what runs after a failure, and what ends a run as failed."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from waves_for_dags import pair, write

from drover.waves.loader import load
from drover_airflow.rehearsal_dag import build_rehearsal
from drover_airflow.wave_dag import PREFLIGHT, REPORT, STEPS, build_dag

PLAIN = ["inventory", "preflight", "backup", "transfer", "validate", "test", "cutover", "commit"]


def dag_of(path):
    return build_dag(load(path), path)


def test_each_machine_has_every_step_in_order(tmp_path):
    dag = dag_of(pair(tmp_path))
    for machine in ("db", "web"):
        for before, after in zip(PLAIN, PLAIN[1:], strict=False):
            assert f"{machine}.{after}" in dag.get_task(f"{machine}.{before}").downstream_task_ids
    assert len(dag.tasks) == 2 * 9 + 2


def test_a_machine_begins_when_those_before_it_are_committed(tmp_path):
    dag = dag_of(pair(tmp_path))
    assert dag.get_task("web.inventory").upstream_task_ids == {"db.commit"}
    assert dag.get_task("db.inventory").upstream_task_ids == {PREFLIGHT}


def test_the_whole_wave_is_looked_at_before_any_machine_of_it_begins(tmp_path):
    dag = dag_of(pair(tmp_path))
    assert [task.task_id for task in dag.tasks if not task.upstream_task_ids] == [PREFLIGHT]
    rehearsal = build_rehearsal(load(pair(tmp_path)), pair(tmp_path), "rehearse_pair")
    assert [task.task_id for task in rehearsal.tasks if not task.upstream_task_ids] == [PREFLIGHT]


def test_any_failure_from_the_transfer_on_brings_the_source_back(tmp_path):
    rollback = dag_of(pair(tmp_path)).get_task("db.rollback")
    assert rollback.upstream_task_ids == {f"db.{step}" for step in PLAIN[3:]}
    assert rollback.trigger_rule == "one_failed"
    assert rollback.retries >= 5


def test_a_commit_goes_on_for_as_long_as_a_host_is_away(tmp_path):
    """The machine is well at its target; given up, it would be taken back, and lose what it wrote there."""
    dag = dag_of(pair(tmp_path))
    commit = dag.get_task("db.commit")
    assert commit.retry_delay < timedelta(minutes=1)
    assert commit.max_retry_delay == timedelta(minutes=5)
    assert commit.max_retry_delay * (commit.retries - 10) > timedelta(hours=12)
    assert dag.get_task("db.cutover").retries < 5


def test_a_rollback_that_succeeded_does_not_make_the_run_succeed(tmp_path):
    """The only leaf is the report, which fails where a machine was not moved; commit and rollback are none."""
    dag = dag_of(pair(tmp_path))
    assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == [REPORT]
    assert dag.get_task(REPORT).trigger_rule == "all_done"


def test_nothing_of_a_connection_is_in_a_parsed_task(tmp_path):
    dag = dag_of(pair(tmp_path))
    assert vars(dag.get_task("db.transfer"))["wave"].endswith("pair.yaml")
    assert "lab_kvm" not in repr(vars(dag.get_task("db.transfer")))


def test_the_page_says_what_each_strategy_can_prove(tmp_path):
    text = dag_of(pair(tmp_path)).doc_md
    assert "| db | cold | lab_kvm_a | lab_kvm_b | - | 0 | every block, every file |" in text
    assert "blocks of a running guest cannot be compared" in text


def test_tasks_run_near_the_hypervisor_where_queues_are_given(tmp_path, monkeypatch):
    monkeypatch.setenv("DROVER_QUEUES", "lab_kvm_a=site-a, lab_kvm_b=site-b")
    dag = dag_of(pair(tmp_path))
    assert dag.get_task("db.backup").queue == "site-a"
    assert dag.get_task("db.transfer").queue == "site-b"
    assert dag.get_task("wave--report").queue == "site-b"
    monkeypatch.delenv("DROVER_QUEUES")
    assert dag_of(pair(tmp_path)).get_task("db.backup").queue == "default"


def test_what_takes_a_wave_back_runs_near_its_source_where_it_has_one(tmp_path, monkeypatch):
    monkeypatch.setenv("DROVER_QUEUES", "lab_kvm_a=site-a,lab_kvm_b=site-b")
    path = pair(tmp_path)
    path.write_text(path.read_text().replace("source:", "on_failure: take back\nsource:", 1))
    dag = dag_of(path)
    assert [dag.get_task(f"wave--{name}").queue for name in ("after_failure", "take_back")] == ["site-a"] * 2

    machines = "  - {name: db, strategy: cold}\n  - {name: web, strategy: cold, source: lab_kvm_b, target: lab_kvm_a}\n"
    path = write(tmp_path, "two", machines)
    path.write_text(path.read_text().replace("source:", "on_failure: take back\nsource:", 1))
    dag = dag_of(path)
    assert {dag.get_task(f"wave--{name}").queue for name in ("after_failure", "take_back", "report")} == {"default"}


def test_names_that_airflow_would_refuse_become_groups(tmp_path):
    path = write(tmp_path, "odd", "  - {name: \"O'Brien's VM (old)\", strategy: cold}\n")
    dag = dag_of(path)
    assert len(dag.tasks) == 11
    assert all(task.wave == str(path) for task in dag.tasks)


def test_a_machine_called_like_the_report_does_not_collide(tmp_path):
    machines = "".join(f"  - {{name: {name}, strategy: cold}}\n" for name in ("report", "wave", "wave-report"))
    assert len(dag_of(write(tmp_path, "names", machines)).tasks) == 3 * 9 + 2


def test_a_scheduled_wave_waits_for_a_person_to_switch_it_on(tmp_path):
    path = pair(tmp_path)
    path.write_text(path.read_text().replace("source:", "schedule: '0 22 * * 6'\nsource:", 1))
    dag = dag_of(path)
    assert dag.is_paused_upon_creation is True
    assert dag.catchup is False
    assert dag.max_active_runs == 1


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("Europe/Berlin", [(2026, 3, 28, 21), (2026, 4, 4, 20), (2026, 10, 24, 20), (2026, 10, 31, 21)]),
     (None, [(2026, 3, 28, 22), (2026, 4, 4, 22), (2026, 10, 24, 22), (2026, 10, 31, 22)])],
)  # fmt: skip
def test_a_schedule_goes_by_the_clocks_of_the_window(tmp_path, zone, hours):
    """22:30 in Berlin is 21:30 UTC in winter and 20:30 in summer."""
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    path = pair(tmp_path)
    window = f"window: {{opens: '22:00', closes: '05:00', timezone: {zone}}}\n" if zone else ""
    path.write_text(path.read_text().replace("source:", f"schedule: '30 22 * * 6'\n{window}source:", 1))
    dag = DagSerialization.from_dict(DagSerialization.to_dict(dag_of(path)))
    for year, month, day, hour in hours:
        utc = ZoneInfo("UTC")
        since = TimeRestriction(datetime(year, month, day, tzinfo=utc), None, catchup=True)
        found = dag.timetable.next_dagrun_info(last_automated_data_interval=None, restriction=since)
        assert found.run_after == datetime(year, month, day, hour, 30, tzinfo=utc)


def test_no_step_is_ended_before_its_machines_own_deadlines(tmp_path):
    path = write(
        tmp_path,
        "slow",
        "  - {name: db, strategy: cold, boot_deadline: 3 h, shutdown_deadline: 2 h}\n"
        "  - {name: web, strategy: cold, after: [db]}\n",
    )
    dag = dag_of(path)
    for step, least in (("test", 3), ("cutover", 3), ("rollback", 5)):
        assert dag.get_task(f"db.{step}").execution_timeout > timedelta(hours=least), step
    assert dag.get_task("web.cutover").execution_timeout < timedelta(hours=1)


def test_the_backup_is_booted_only_where_the_wave_asks_for_it(tmp_path):
    path = pair(tmp_path)
    assert "db.restore-test" not in dag_of(path).task_ids
    path.write_text(path.read_text().replace("backups}", "backups, restore_test: sample}"))
    dag = dag_of(path)
    assert dag.get_task("db.restore-test").upstream_task_ids == {"db.backup"}
    assert "db.transfer" in dag.get_task("db.restore-test").downstream_task_ids


def test_all_that_a_wave_may_ask_for_stands_in_its_order():
    assert [step.name for step in STEPS] == [
        "inventory", "preflight", "baseline", "backup", "restore-test", "window", "transfer", "validate", "test",
        "approval", "cutover", "performance", "commit",
    ]  # fmt: skip
