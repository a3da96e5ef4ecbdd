"""Starts a program of these tests in a process of its own, with an Airflow of its own around it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def results(program, folder, *dags):
    """What the program printed as its last line. :param dags: files of the project that its Airflow has."""
    for name in ("dags", "waves"):
        (folder / name).mkdir()
    for file in dags:
        shutil.copy(HERE.parents[2] / "dags" / file, folder / "dags" / file)
    connection = json.dumps({"conn_type": "libvirt", "host": "127.0.0.1"})
    env = os.environ | {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        # People answer beside the tasks; on a busy machine one waits long for the other.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db?timeout=120",
        "DROVER_WAVES": str(folder / "waves"),
        "DROVER_STORE": str(folder / "store"),
        **{f"AIRFLOW_CONN_{name}": connection for name in "ABCD"},
    }
    command = (sys.executable, str(HERE / program), str(folder))
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=1800)
    (folder / "log").write_text(done.stdout + done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
