"""docker-compose.yaml against the Airflow that is installed. No engine runs here: what can be read is checked."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = {name: service for name, service in SERVICES.items() if service.get("image") == "drover"}

ASK_AIRFLOW = """
import json, sys
from airflow.cli.cli_parser import get_parser
from airflow.configuration import conf
commands, variables = json.load(sys.stdin)
parser = get_parser()
for command in commands:
    parser.parse_args(command)
known = {f"AIRFLOW__{section}__{option}".upper().replace(".", "_")
         for section, described in conf.configuration_description.items() for option in described["options"]}
print(json.dumps(sorted(set(variables) - known)))
"""


def ask_airflow(tmp_path: Path, commands: list[list[str]], variables: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ASK_AIRFLOW],
        input=json.dumps([commands, variables]),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path)},
    )


def test_airflow_knows_every_command_and_every_option(tmp_path: Path) -> None:
    commands = [service["command"] for service in AIRFLOW.values()]
    for service in AIRFLOW.values():
        test = service.get("healthcheck", {}).get("test", [])
        if test[1:2] == ["airflow"]:
            commands.append(test[2:])
    variables = {name for service in AIRFLOW.values() for name in service["environment"] if name.startswith("AIRFLOW_")}
    assert len(commands) >= 10
    assert len(variables) >= 12
    result = ask_airflow(tmp_path, commands, sorted(variables))
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == []


def test_that_check_would_see_a_wrong_one(tmp_path: Path) -> None:
    assert ask_airflow(tmp_path, [["webserver"]], []).returncode != 0
    unknown = ask_airflow(tmp_path, [], ["AIRFLOW__CORE__NONSENSE", "AIRFLOW__CORE__EXECUTOR"])
    assert json.loads(unknown.stdout.splitlines()[-1]) == ["AIRFLOW__CORE__NONSENSE"]


def test_every_component_of_airflow_is_there() -> None:
    assert set(SERVICES) - set(AIRFLOW) == {"postgres", "redis"}
    assert set(AIRFLOW) == {
        "airflow-init",
        "api-server",
        "dag-processor",
        "scheduler",
        "triggerer",
        "worker-site-a",
        "worker-site-b",
    }


@pytest.mark.parametrize("name", AIRFLOW)
def test_every_component_sees_the_same_code(name: str) -> None:
    service = AIRFLOW[name]
    mounts = {volume.split(":")[0]: volume.split(":")[1] for volume in service["volumes"]}
    environment = service["environment"]
    assert mounts["./include"] == environment["PYTHONPATH"]
    assert mounts["./plugins"] == environment["AIRFLOW__CORE__PLUGINS_FOLDER"]
    assert mounts["./dags"] == environment["AIRFLOW__CORE__DAGS_FOLDER"]
    assert all((ROOT / folder).is_dir() for folder in ("include", "plugins", "dags"))


@pytest.mark.parametrize("name", AIRFLOW)
def test_what_must_outlive_a_container_lies_on_volumes_that_all_share(name: str) -> None:
    environment = AIRFLOW[name]["environment"]
    mounts = dict(volume.rsplit(":", 1) for volume in AIRFLOW[name]["volumes"] if not volume.endswith(":ro"))
    shared = {volume: folder for volume, folder in mounts.items() if not volume.startswith(".")}
    assert set(shared) <= set(COMPOSE["volumes"])
    assert shared["store"] == environment["DROVER_STORE"]
    assert shared["staging"] == environment["DROVER_STAGING"]
    assert shared["keys"] == str(Path(environment["DROVER_SIGNING_KEY"]).parent)
    assert shared["backups"] == "/var/lib/drover/backups"  # what the forms of the DAGs offer
    # A volume takes its first owner from the image; root's could not be written to.
    made = " ".join(re.findall(r"install -d -o drover -g drover (.*)", DOCKERFILE.replace("\\\n", ""))).split()
    assert [folder for folder in shared.values() if folder not in made] == []


@pytest.mark.parametrize("name", AIRFLOW)
def test_the_users_own_reaches_every_component(name: str) -> None:
    """Wave files, hosts' connections, those who approve, and further packages."""
    service = AIRFLOW[name]
    assert f"${{DROVER_WAVES:-./include/waves}}:{service['environment']['DROVER_WAVES']}:ro" in service["volumes"]
    assert service["env_file"] == [{"path": "connections.env", "required": False}]
    assert "connections.env" in (ROOT / ".gitignore").read_text().splitlines()
    users = service["environment"]["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    assert users == "${AIRFLOW_USERS:-admin:admin}"
    assert service["build"]["args"] == {"EXTRA_PACKAGES": "${EXTRA_PACKAGES:-}"}
    assert "ARG EXTRA_PACKAGES" in DOCKERFILE


@pytest.mark.parametrize("name", AIRFLOW)
def test_what_forks_tasks_loads_beforehand_what_they_need(name: str) -> None:
    home = re.findall(r"AIRFLOW_HOME=(\S+)", DOCKERFILE)
    assert f"./deploy/airflow:{home[0]}/config:ro" in AIRFLOW[name]["volumes"]
    assert "import drover_airflow.preload" in (ROOT / "deploy/airflow/airflow_local_settings.py").read_text()


def test_it_sets_every_setting_of_a_deployment() -> None:
    page = (ROOT / "docs/settings.md").read_text().split("\n## ")
    wanted = next(
        set(re.findall(r"^\| `(DROVER_\w+)`", part, re.M)) for part in page if part.startswith("A deployment")
    )
    assert len(wanted) == 5
    for name, service in AIRFLOW.items():
        assert {own for own in service["environment"] if own.startswith("DROVER_")} == wanted, name


def test_what_is_said_of_the_default_queue_names_every_dag_that_uses_it() -> None:
    text = (ROOT / "docker-compose.yaml").read_text()
    said = text.split("# A worker near each site.")[1].split("worker-site-a:")[0]
    assert {path.stem for path in (ROOT / "dags").glob("*.py")} - set(re.findall(r"\w+", said)) == {
        "waves",
        "rehearsals",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_loopback(name: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))
    assert "network_mode" not in SERVICES[name]


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "airflow-init"])
def test_every_service_is_watched(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_secrets_come_from_outside() -> None:
    text = (ROOT / "docker-compose.yaml").read_text()
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
    assert {"AIRFLOW_USERS", "DROVER_WAVES", "EXTRA_PACKAGES"} < asked
    example = dict(re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert asked == set(example)
    assert set(example.values()) == {""}
    for name, value in AIRFLOW["scheduler"]["environment"].items():
        if re.search(r"(_KEY|_SECRET|_CONN|_BROKER_URL|_BACKEND)$", name) and not value.startswith("/"):
            assert re.search(r"\$\{[A-Z_]+:\?", value), f"{name} holds a secret of its own"
    for service in SERVICES.values():
        assert "${" not in json.dumps(service.get("command", ""))  # compose would put it on the command line


def test_the_health_of_a_worker_is_asked_by_its_name() -> None:
    for site in ("site-a", "site-b"):
        service = AIRFLOW[f"worker-{site}"]
        assert service["command"][-1] == f"{site}@%h"
        test = service["healthcheck"]["test"][1].replace("$$", "$").split("--destination ")[1]
        told = subprocess.run(
            ["sh", "-c", f"printf %s {test}"],
            env={"HOSTNAME": service["hostname"]},
            capture_output=True,
            text=True,
            check=True,
        )
        assert told.stdout == f"{site}@{service['hostname']}"


def test_every_queue_of_a_worker_is_its_own_or_the_default() -> None:
    queues = [AIRFLOW[f"worker-{site}"]["command"][3].split(",") for site in ("site-a", "site-b")]
    assert queues == [["site-a", "default"], ["site-b", "default"]]


def test_the_image_is_made_of_files_that_exist() -> None:
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert kept
    assert [name for name in kept if not (ROOT / name).exists()] == []
