"""The deployment without containers, as docs/deployment.md tells it: its settings, its units, its steps."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_compose import AIRFLOW, ask_airflow

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / "deploy/airflow.env"
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
PAGE = (ROOT / "docs/deployment.md").read_text()

LOOK = """
import json, sys
from airflow.configuration import conf
from airflow.dag_processing.dagbag import DagBag
import airflow.settings
assert "drover_airflow.preload" in sys.modules
bag = DagBag(conf.get("core", "dags_folder"))
print(json.dumps([bag.import_errors, sorted(bag.dag_ids)]))
"""


def sourced() -> dict[str, str]:
    """What a shell makes of the file, which is what the page has people do."""
    script = f"set -a; . {shlex.quote(str(ENVIRONMENT))}; env -0"
    done = subprocess.run(["env", "-i", "sh", "-c", script], capture_output=True, text=True, check=True)
    pairs = (line.split("=", 1) for line in done.stdout.split("\0") if line)
    return {name: value for name, value in pairs if name not in ("PWD", "_", "OLDPWD", "SHLVL")}


def test_airflow_knows_every_setting_and_every_process(tmp_path: Path) -> None:
    commands = [
        shlex.split(line)[1:] for unit in UNITS for line in re.findall(r"^ExecStart=(.*)", unit.read_text(), re.M)
    ]
    assert {command[0] for command in commands} == {"api-server", "scheduler", "dag-processor", "triggerer"}
    # What serves logs listens on every address; here the UI reads them from the disk.
    assert all("--skip-serve-logs" in command for command in commands if command[0] in ("scheduler", "triggerer"))
    variables = [name for name in sourced() if name.startswith("AIRFLOW__")]
    assert len(variables) >= 14
    result = ask_airflow(tmp_path, commands, variables)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == []


def test_it_says_what_the_containers_are_told() -> None:
    """All but what only several workers need."""
    compose = {name for name in AIRFLOW["scheduler"]["environment"] if "CELERY" not in name}
    assert set(sourced()) - {"AIRFLOW_HOME", "AIRFLOW__API__HOST"} == compose - {"DROVER_QUEUES", "PYTHONPATH"}


def test_secrets_are_left_to_be_filled_in() -> None:
    secret = {name: value for name, value in sourced().items() if re.search(r"(_KEY|_SECRET)$", name)}
    assert set(secret.pop("DROVER_SIGNING_KEY")[:1]) == {"/"}
    assert len(secret) == 3
    assert set(secret.values()) == {""}
    assert ":PASSWORD@" in sourced()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


def test_the_page_makes_every_folder_that_it_names() -> None:
    made = " ".join(re.findall(r"install -d -o drover .* (/var/lib/drover\S*(?: \S+)?)$", PAGE, re.M))
    script = f"printf '%s\\n' {made}"
    folders = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()
    named = {value for value in sourced().values() if value.startswith("/var/lib/drover/")}
    assert len(named) >= 5
    assert [path for path in named if path not in folders and str(Path(path).parent) not in folders] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_can_read_the_units(unit: Path, tmp_path: Path) -> None:
    text = unit.read_text()
    assert f"{unit.stem}" in PAGE
    assert "EnvironmentFile=/etc/drover/airflow.env\n" in text
    if shutil.which("systemd-analyze"):
        # Its program is not in its place here.
        (tmp_path / unit.name).write_text(text.replace("/opt/drover/.venv/bin/airflow", "/bin/true"))
        command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert unit.stem not in done.stderr, done.stderr


def test_with_these_settings_every_dag_is_there(tmp_path: Path) -> None:
    """What a form offers, what the wave files make, and the preloading: nothing of it fails to load."""
    moved = {
        name: value.replace("/opt/drover", str(ROOT)).replace("/var/lib/drover", str(tmp_path))
        for name, value in sourced().items()
    }
    moved["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{tmp_path}/airflow.db"
    moved["AIRFLOW__CORE__FERNET_KEY"] = "0" * 43 + "="
    config = tmp_path / "airflow" / "config"
    config.mkdir(parents=True)
    (config / "airflow_local_settings.py").symlink_to(ROOT / "deploy/airflow/airflow_local_settings.py")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "DROVER"))}
    done = subprocess.run([sys.executable, "-c", LOOK], env=kept | moved, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    errors, found = json.loads(done.stdout.splitlines()[-1])
    assert errors == {}
    assert {path.stem for path in (ROOT / "dags").glob("*.py")} - {"waves", "rehearsals"} <= set(found)
    # The lab's wave names hosts that nobody has.
    assert {"wave_demo", "rehearse_demo"} & set(found) == set()
