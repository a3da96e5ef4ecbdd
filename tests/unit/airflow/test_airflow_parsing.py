"""What parsing the DAG files costs, and that it loads nothing heavy; in a process of its own, where nothing is."""

import json
import os
import subprocess
import sys
from pathlib import Path

from waves_for_dags import many

PROJECT = Path(__file__).parents[3]
HEAVY = [
    "pandas",
    "great_expectations",
    "pyVmomi",
    "pyVim",
    "libvirt",
    "winrm",
    "paramiko",
    "nbd",
    "guestfs",
    "pyarrow",
]
# Airflow's own import is no part of what Drover costs; it is done before the clock starts. The processor's time, as
# other processes on this machine may have the processor.
PROGRAM = """
import json, runpy, sys, time
import airflow.sdk, airflow.triggers.base, airflow.sdk.exceptions
from airflow.sdk import DAG, Asset, BaseHook, BaseOperator, Connection, Context, Param, TaskGroup, TriggerRule, chain
from airflow.sdk.definitions._internal.contextmanager import DagContext
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
DagContext.current_autoregister_module_name = "__main__"
seconds = {}
for path in sys.argv[2:]:
    before = time.process_time()
    found = [value for value in runpy.run_path(path).values() if isinstance(value, DAG)]
    seconds[path] = time.process_time() - before
    dags = {dag.dag_id: len(dag.tasks) for dag in (*found, *(dag for dag, _ in DagContext.autoregistered_dags))}
heavy = [name for name in json.loads(sys.argv[1]) if name in sys.modules]
print(json.dumps({"seconds": seconds, "tasks": dags, "heavy": heavy}))
"""


def parse(waves, *files):
    paths = [str(PROJECT / "dags" / file) for file in files]
    command = [sys.executable, "-c", PROGRAM, json.dumps(HEAVY), *paths]
    env = os.environ | {"DROVER_WAVES": str(waves)}
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    return {**found, "seconds": [found["seconds"][path] for path in paths]}


def test_fifty_machines_parse_in_less_than_a_second(tmp_path):
    many(tmp_path, 50)
    parsed = parse(tmp_path, "waves.py")
    assert parsed["tasks"] == {"wave_many": 452}
    assert parsed["heavy"] == []
    assert parsed["seconds"][0] < 1.0


def test_no_dag_file_loads_an_sdk(tmp_path):
    files = [
        "waves.py",
        "rehearsals.py",
        "discover.py",
        "migrate_vm.py",
        "rollback.py",
        "sweep.py",
        "decommission.py",
        "retention.py",
        "evacuate_host.py",
    ]
    parsed = parse(tmp_path, *files)
    assert parsed["heavy"] == []
    assert parsed["tasks"] == {
        "discover": 4,
        "migrate_vm": 12,
        "rollback": 2,
        "sweep": 3,
        "decommission": 3,
        "retention": 2,
        "evacuate_host": 13,
    }
