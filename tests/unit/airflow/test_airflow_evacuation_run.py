"""`evacuate_host` in a real Airflow, over hosts of image files: where the host is not known, nothing goes; where it is,
one machine moves, and another fails and goes back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
# Airflow runs every task in this process, so both hosts stay what they are in between.
PROGRAM = """
import json, random, runpy, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from airflow.dag_processing.bundles.manager import DagBundlesManager
from conftest import read_blocks_as_files
from fake_host import MIB, Answer, FakeHost
from fake_live import LiveFakeHost
import drover.guest.files
from drover.errors import OperatorNeededError
from drover.hypervisors import registry
from drover.migration import checks
from drover.model import Nic

folder = Path(sys.argv[1])
source, target = LiveFakeHost("kvm-a", folder / "a"), FakeHost("kvm-b", folder / "b")
for number, name in enumerate(("db", "web")):
    source.add(name, {"vda": random.Random(number).randbytes(MIB)})
    source.change(name, nics=(Nic(f"52:54:00:00:00:0{number}", "production", "virtio"),))
hosts = {"a": source, "b": target}
registry.connect = lambda spec: hosts[spec.id]
drover.guest.files.read_both = lambda *ends: tuple(map(read_blocks_as_files, ends))
checks.direct = lambda *_: Answer()
target.break_at("define", OperatorNeededError("The pool is full.", remedy="Make room."))

DagBundlesManager().sync_bundles_to_db()
found = runpy.run_path(sys.argv[3])
dag, answers = found["report"].dag, json.loads(sys.argv[4])
refused = dag.test(run_conf=answers | {"host": "kvm-x"})
refused = {ti.task_id: str(ti.state) for ti in refused.get_task_instances()} | {"run": str(refused.state)}
untouched = [host.calls.count("define") + len(host.started) for host in hosts.values()]
run = dag.test(run_conf=answers)
states = {f"{ti.task_id} {ti.map_index}": str(ti.state) for ti in run.get_task_instances()}
ends = {side: {name: str(vm.state) for name, vm in host.known.items()} for side, host in hosts.items()}
told = {"states": states, "ends": ends, "run": str(run.state), "refused": refused, "untouched": untouched}
print("\\n" + json.dumps(told))
"""


@pytest.mark.slow
def test_one_machine_moves_and_the_other_goes_back_alone(tmp_path):
    env = os.environ | {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **{f"AIRFLOW_CONN_{name}": json.dumps({"conn_type": "libvirt", "host": "127.0.0.1"}) for name in "AB"},
    }
    answers = {
        "source": "a",
        "host": "kvm-a",
        "targets": ["b"],
        "prefer": "cold",
        "networks": {"production": "production"},
        "backup_folder": str(tmp_path / "backup"),
    }

    def run(*command):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("airflow", "db", "migrate")
    helpers, dag = PROJECT / "tests" / "unit" / "migration", PROJECT / "dags" / "evacuate_host.py"
    told = run(sys.executable, "-c", PROGRAM, str(tmp_path), str(helpers), str(dag), json.dumps(answers))
    found = json.loads(told.splitlines()[-1])

    # A host that there is not: nothing begins, and the run ends at once.
    assert found["refused"]["run"] == found["refused"]["plan"] == found["refused"]["wave--report"] == "failed"
    assert set(found["refused"].values()) <= {"failed", "upstream_failed", "skipped"}
    assert found["untouched"] == [0, 0]
    assert "There is no host 'kvm-x' behind the connection 'a'. There are: kvm-a." in told
    assert "The form made no wave, so nothing was moved: the log of its task says why." in told

    rolled_back = [number for number in (0, 1) if found["states"][f"each.machine.rollback {number}"] == "success"]
    assert len(rolled_back) == 1, found
    assert found["states"][f"each.machine.commit {1 - rolled_back[0]}"] == "success"
    assert sorted(found["ends"]["a"].values()) == ["off", "running"]
    assert list(found["ends"]["b"].values()) == ["running"]
    assert found["run"] == "failed"
