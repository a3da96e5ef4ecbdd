"""What whole waves need: a lab of their own, an Airflow of their own, and nothing left of either."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drover_lab import lab as labs
from drover_lab.appliance import appliance_environment
from drover_lab.demo import wave as demo_wave
from drover_lab.demo.home import Home
from drover_lab.lab import Lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def make_lab() -> Iterator[Callable[..., Lab]]:
    """Makes a lab with these machines; it is taken down after the module's last test."""
    names: list[str] = []

    def make(*machines: str, link_rate: str | None = None) -> Lab:
        names.append(f"pytest{os.getpid()}-{len(names)}")
        return labs.up(names[-1], machine_names=machines, link_rate=link_rate)

    yield make
    for name in names:
        labs.down(name)


@pytest.fixture(scope="module")
def make_home() -> Iterator[Callable[[Lab], Home]]:
    """The folder of an Airflow for this lab; it is removed after the module's last test."""
    made: list[Home] = []

    def make(lab: Lab) -> Home:
        made.append(Home(lab.name))
        made[-1].prepare()
        return made[-1]

    yield make
    for home in made:
        shutil.rmtree(home.folder)


@pytest.fixture(scope="module")
def run_dag() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs one DAG to its end, task by task, as `airflow dags test` does: no scheduler, but real tasks and states."""

    def run(
        home: Home, lab: Lab, dag_id: str, dags: Path, conf: dict[str, object] | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        settings = {
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "",
            "PYTHONPATH": str(Path(__file__).parent),
        }
        env = home.environment(0) | demo_wave.connections(lab) | appliance_environment() | settings | variables
        if not (home.folder / "airflow.db").exists():
            _airflow(env, "db", "migrate")
        return _airflow(env, "dags", "test", dag_id, *(["--conf", json.dumps(conf)] if conf else []), check=False)

    return run


def _airflow(env: dict[str, str], *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "airflow", *arguments]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=1800)
    assert result.returncode == 0 or not check, result.stderr[-3000:]
    return result
