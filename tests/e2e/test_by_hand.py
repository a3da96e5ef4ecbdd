"""What users do beside waves, through a real Airflow: the form of `migrate_vm`, and operators in a DAG of their own."""

import json
import shutil
import time
from pathlib import Path

import pytest

from drover.evidence.store import RunStore
from drover_lab.appliance import appliance_environment
from drover_lab.demo import airflow as airflows
from drover_lab.demo import wave as demo_wave
from drover_lab.demo.home import PROJECT
from drover_lab.guests import HTTP_PORT

SECONDS = 900
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2 * SECONDS)]


@pytest.fixture(scope="module")
def lab(make_lab):
    return make_lab("web", "files")


@pytest.fixture(scope="module")
def home(lab, make_home):
    return make_home(lab)


@pytest.fixture(scope="module")
def airflow(lab, home, tmp_path_factory):
    dags = tmp_path_factory.mktemp("dags")
    for source in (PROJECT / "dags" / "migrate_vm.py", Path(__file__).parent / "dags" / "own_steps.py"):
        shutil.copy(source, dags)
    guest = lab.machines["files"]
    own = ("files", guest.address.partition("/")[0], HTTP_PORT)
    extra = demo_wave.connections(lab) | appliance_environment()
    extra |= {"AIRFLOW__CORE__DAGS_FOLDER": str(dags), "OWN_STEPS": json.dumps(own)}
    with airflows.started(home, extra, print) as (running, _):
        yield running


def ended(airflow, dag_id, conf=None):
    """Triggers a run, waits for its end, and gives the state of each task."""
    wait_for(lambda: airflow.find_dag(dag_id))
    run = airflow.trigger(dag_id, conf)
    wait_for(lambda: airflow.run_state(dag_id, run) in ("success", "failed"))
    return run, {task["task_id"]: task["state"] for task in airflow.tasks(dag_id, run)}


def test_the_form_moves_a_machine_while_it_runs(lab, home, airflow):
    guest = lab.machines["web"]
    run, states = ended(
        airflow,
        "migrate_vm",
        {
            "machine": "web",
            "source": "lab_kvm_a",
            "target": "lab_kvm_b",
            "strategy": "live",
            "compare_at_switchover": True,
            "networks": {"production": "production"},
            "backup_folder": str(home.backups),
            "checks": [{"http": {"url": f"{guest.url}/health", "contains": '"web"'}}],
            "changing": ["/var/log/tick.journal"],
        },
    )
    assert states.pop("machine.rollback") == "skipped"
    assert set(states.values()) == {"success"}, states
    assert {host: found.get("web") for host, found in lab.states().items()} == {"kvm-a": "off", "kvm-b": "running"}
    store = RunStore(home.store, "migrate_vm", run).machine("web")
    facts = store.last("transfer", "passed").facts
    assert facts["compared"]
    assert "guest_files" in store.last("validate", "passed").facts["suites"]


def test_a_form_with_mistakes_changes_nothing(lab, airflow):
    conf = {"machine": "files", "source": "lab_kvm_a", "target": "lab_kvm_b", "bandwidth": "fast"}
    _, states = ended(airflow, "migrate_vm", conf)
    assert states["plan"] == "failed"
    assert states["machine.inventory"] == "upstream_failed"
    assert states["machine.rollback"] == "skipped", "it has nothing to take back, and does not try for hours"
    assert states["wave--report"] == "failed"
    assert lab.states()["kvm-a"]["files"] == "running"


def test_operators_in_a_dag_of_one_s_own(lab, airflow):
    uptime = lab.health("files")["uptime"]
    began = time.monotonic()
    _, states = ended(airflow, "own_steps")
    assert set(states.values()) == {"success"}, states
    assert {host: found.get("files") for host, found in lab.states().items()} == {"kvm-a": "off", "kvm-b": "running"}
    health = lab.health("files")
    assert health["name"] == "files"
    assert health["uptime"] < uptime + time.monotonic() - began, "it was off and on in between"


def wait_for(ready):
    end = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.5)
