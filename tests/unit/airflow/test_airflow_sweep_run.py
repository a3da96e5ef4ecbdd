"""The sweep in a real Airflow: it asks the real database which runs are at work, as any task may."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from waves_for_dags import write

PROJECT = Path(__file__).parents[3]
# Two runs of one wave, which is paused, with machines on their way: one was marked as failed, the other works at one of
# its machines, and another of them is off and waits.
PREPARE = """
import sys
from datetime import UTC, datetime
from uuid import uuid4
from airflow.models import DagModel, DagRun, TaskInstance
from airflow.models.dagbundle import DagBundleModel
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType
from drover.migration import claims, intents
from drover.migration.move import open_move
from drover.model import Cpu, Firmware, PowerState, VirtualMachine
from drover_airflow.kept import keep
from drover_airflow.settings import store_root

with create_session() as session:
    session.add(DagBundleModel(name="waves"))
    session.flush()
    session.add(DagModel(dag_id="wave_pair", is_paused=True, bundle_name="waves"))
machines = (("busy", "db", "running"), ("busy", "old", None), ("busy", "late", None), ("given-up", "web", "failed"))
for run, name, state in machines:
    wave = keep(sys.argv[1], run, "wave_pair").wave
    with open_move(wave, name, run, None, store_root()) as move:
        move.remember(VirtualMachine(
            name=name, uuid=f"uuid-of-{name}", hypervisor="libvirt", host="a", state=PowerState.RUNNING,
            cpu=Cpu(count=1), memory=1, firmware=Firmware.BIOS, disks=(), nics=(), autostart=True,
        ))
        claims.claim(move)
        intents.declare(move.store, intents.Intent.BEGUN)
        if name == "late":
            intents.declare(move.store, intents.Intent.SOURCE_DOWN)
    if state is None:
        continue
    with create_session() as session:
        now = datetime.now(UTC)
        session.add(DagRun(
            dag_id="wave_pair", run_id=run, run_type="manual", state=state, logical_date=now, run_after=now,
            triggered_by=DagRunTriggeredByType.TEST,
        ))
with create_session() as session:
    tasks = {"db.transfer": "running", "old.transfer": "failed", "old.rollback": "failed", "late.validate": None}
    for task, state in tasks.items():
        row = {"id": uuid4(), "dag_id": "wave_pair", "run_id": "busy", "task_id": task, "map_index": -1}
        session.execute(TaskInstance.__table__.insert().values(state=state, pool="default_pool", **row))
"""


@pytest.mark.slow
def test_the_sweep_and_the_rollback_by_hand_find_what_a_run_left(tmp_path):
    waves = tmp_path / "waves"
    waves.mkdir()
    machines = "".join(f"  - {{name: {name}, strategy: cold}}\n" for name in ("db", "web", "old", "late"))
    path = write(waves, "pair", machines)
    env = os.environ | {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        # A host that cannot be reached: what matters here is which machine it is asked for.
        "AIRFLOW_CONN_LAB_KVM_A": json.dumps(
            {"conn_type": "libvirt", "host": "127.0.0.1", "extra": {"known_hosts_file": str(tmp_path / "none")}}
        ),
        "DROVER_WAVES": str(waves),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    def run(*command):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=600)
        return done.returncode, done.stdout + done.stderr

    code, told = run("airflow", "db", "migrate")
    assert code == 0, told
    code, told = run(sys.executable, "-c", PREPARE, str(path))
    assert code == 0, told

    _, told = run("airflow", "dags", "test", "sweep")

    assert "'db' is in good hands: run busy of wave_pair" in told, told
    assert "'web' was left by run given-up of wave_pair, and is taken back" in told
    assert "known_hosts_file of the connection 'lab_kvm_a' cannot be read" in told
    assert "'old' was left by run busy of wave_pair, and is taken back" in told
    assert told.count("starting task_id=take_back") == 2
    assert "'late' is in good hands: run busy of wave_pair" in told
    assert re.search(r"Machine 'late' is off since .* run busy of wave_pair waits, because that DAG is paused", told)
    assert "Machine 'db' is off" not in told

    _, told = run("airflow", "dags", "test", "rollback", "--conf", json.dumps({"wave": "pair", "run": "given-up"}))

    assert told.count("starting task_id=take_back") == 1, told
    assert "known_hosts_file of the connection 'lab_kvm_a' cannot be read" in told
    _, told = run("airflow", "dags", "test", "rollback", "--conf", json.dumps({"wave": "pair", "machines": ["nobody"]}))
    assert "has no machine 'nobody'" in told, told
