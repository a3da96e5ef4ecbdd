"""The services of docker-compose.yaml, run natively: PostgreSQL, Redis and Celery workers move one machine.

One worker stands near each site and serves only that site's queue, so a task that asks for the wrong one never runs.
"""

import time
from pathlib import Path

import pytest
from lab_waves import write_wave
from services import services

from drover.evidence.store import RunStore
from drover_lab.appliance import appliance_environment
from drover_lab.demo import airflow as airflows
from drover_lab.demo import proof
from drover_lab.demo import wave as demo_wave

SECONDS = 1500


@pytest.fixture(scope="module")
def lab(make_lab):
    return make_lab("web")


@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS)
def test_celery_workers_move_a_machine(lab, make_home):
    home = make_home(lab)
    machine = {"name": "web", "strategy": "live", "guest_files": {"changing": ["/var/log/tick.journal"]}}
    write_wave(home, lab, "celery", [machine])
    with services() as (database, broker):
        extra = (
            demo_wave.connections(lab)
            | appliance_environment()
            | {
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
                "AIRFLOW__CELERY__BROKER_URL": broker,
                "AIRFLOW__CELERY__RESULT_BACKEND": database.replace("postgresql+psycopg2", "db+postgresql"),
                "AIRFLOW__CELERY__WORKER_CONCURRENCY": "1",
                "DROVER_QUEUES": "lab_kvm_a=site-a,lab_kvm_b=site-b",
            }
        )
        workers = {
            f"worker-{site}": ["celery", "worker", "--skip-serve-logs", "-q", queues, "-H", f"site-{site}@%h"]
            for site, queues in (("a", "site-a,default"), ("b", "site-b"))
        }
        began = time.time()
        with airflows.started(home, extra, print, airflows.COMPONENTS | workers) as (airflow, _):
            wait_for(lambda: airflow.find_dag("wave_celery"))
            run = airflow.trigger("wave_celery")
            wait_for(lambda: airflow.run_state("wave_celery", run) in ("success", "failed"))
            tasks = {task["task_id"]: task for task in airflow.tasks("wave_celery", run)}
            assert airflow.run_state("wave_celery", run) == "success", {
                name: task["state"] for name, task in tasks.items()
            }
    assert tasks["web.backup"]["queue"] == "site-a"
    assert tasks["web.transfer"]["queue"] == "site-b"
    assert {task["executor"] for task in tasks.values()} <= {None, "CeleryExecutor"}

    store = RunStore(home.store, "celery", run).machine("web")
    backup, commit = (store.last(step, "passed").facts for step in ("backup", "commit"))
    downtime = float(commit["downtime_seconds"])
    move = proof.Move("web", "kvm-a", "kvm-b", began, downtime, backup=Path(backup["folder"]), still=None)
    assert [finding for finding in proof.prove(lab, move) if finding.problem] == []


def wait_for(ready):
    end = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < end
        time.sleep(1)
