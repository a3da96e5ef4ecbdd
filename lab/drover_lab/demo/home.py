"""The demo's Airflow: where it keeps its files, and the settings it runs with.

Everything lies in `.drover/` of the project; nothing of an Airflow that this machine may have is read or written.
"""

import base64
import json
import os
import secrets
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from drover.errors import OperatorNeededError
from drover.migration import claims
from drover_lab.process import write_atomically

PROJECT = Path(__file__).resolve().parents[3]
USER = "admin"
_FIRST_PORT = 8080
_PORTS = 200


@dataclass(frozen=True)
class Home:
    """:param lab: the lab's name; each lab's demo has an Airflow of its own."""

    lab: str

    @property
    def folder(self) -> Path:
        return PROJECT / ".drover" / ("airflow" if self.lab == "drover" else f"airflow-{self.lab}")

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    @property
    def waves(self) -> Path:
        return self.folder / "waves"

    @property
    def processes(self) -> Path:
        return self.folder / "processes"

    @property
    def passwords(self) -> Path:
        return self.folder / "passwords.json"

    @cached_property
    def keys(self) -> dict[str, str]:
        """Made once, so that a second demo can read what the first one stored; readable for the owner alone."""
        path = self.folder / "keys.json"
        try:
            return dict(json.loads(path.read_text()))
        except FileNotFoundError:
            made = {
                "password": secrets.token_urlsafe(12),
                "jwt": secrets.token_urlsafe(48),
                "session": secrets.token_urlsafe(32),
                "fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            }
            write_atomically(path, json.dumps(made), mode=0o600)
            return made

    def prepare(self) -> None:
        for folder in (self.logs, self.store, self.waves, self.processes):
            folder.mkdir(parents=True, exist_ok=True)
        # Each task is a fork of one process, which loads for all of them what takes seconds to load.
        write_atomically(self.folder / "config" / "airflow_local_settings.py", "import drover_airflow.preload\n")
        # Airflow logs nothing of it when it finds the file: the password stays out of the logs.
        write_atomically(self.passwords, json.dumps({USER: self.keys["password"]}), mode=0o600)

    def forget_unfinished(self) -> None:
        """A killed demo's runs would go on by themselves, upon machines that are as they were at first by now.

        So a database with such runs, or one that cannot be read, is left behind; evidence and logs stay.
        """
        database = self.folder / "airflow.db"
        if database.exists() and not _is_finished(database):
            for path in self.folder.glob("airflow.db*"):
                path.unlink()
        # Nobody else moves a machine of the demo's lab, so a claim that is still there is a killed run's.
        shutil.rmtree(self.store / claims.FOLDER, ignore_errors=True)

    def environment(self, port: int) -> dict[str, str]:
        """The variables of every Airflow process. :param port: of the UI, on loopback."""
        address = f"http://127.0.0.1:{port}"
        settings = {
            "CORE__DAGS_FOLDER": PROJECT / "dags",
            "CORE__PLUGINS_FOLDER": PROJECT / "plugins",
            "CORE__LOAD_EXAMPLES": False,
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": 4,
            "CORE__TEST_CONNECTION": "Enabled",
            "CORE__FERNET_KEY": self.keys["fernet"],
            "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self.passwords,
            "CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder / 'airflow.db'}",
            "LOGGING__BASE_LOG_FOLDER": self.logs / "tasks",
            "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": self.logs / "dag-files",
            "API__HOST": "127.0.0.1",
            "API__PORT": port,
            "API__BASE_URL": address,
            "API__WORKERS": 1,
            "API__SECRET_KEY": self.keys["session"],
            "API_AUTH__JWT_SECRET": self.keys["jwt"],
            # Tasks of a few seconds each: what waits between two of them is most of the demo, unless it is asked often.
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.5,
            "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": 5,
            "SCHEDULER__ENABLE_TRACEMALLOC": False,
            "TRIGGERER__JOB_HEARTBEAT_SEC": 5,
            # The wave files do not change during a demo, and each parse costs one of few CPUs a second.
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 120,
            "DAG_PROCESSOR__REFRESH_INTERVAL": 120,
            "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        }
        ours = {
            "AIRFLOW_HOME": self.folder,
            "DROVER_STORE": self.store,
            "DROVER_WAVES": self.waves,
            "GX_ANALYTICS_ENABLED": False,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": 1,
            "NO_COLOR": 1,
        } | {f"AIRFLOW__{name}": value for name, value in settings.items()}
        # What this shell may say of another Airflow must not reach ours.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return kept | {name: str(value) for name, value in ours.items()}


def _is_finished(database: Path) -> bool:
    try:
        with closing(sqlite3.connect(database)) as connection:
            query = "select count(*) from dag_run where state in ('running', 'queued')"
            return bool(connection.execute(query).fetchone()[0] == 0)
    except sqlite3.Error:
        return False


@contextmanager
def free_port() -> Iterator[int]:
    """The first free port on loopback from 8080 up, kept from other demos that start meanwhile.

    :raises OperatorNeededError: there is none.
    """
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        # An abstract name: the kernel gives it back when its holder ends, however that ends.
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0drover-demo-port-{port}")
            except OSError:
                continue
            if _is_free(port):
                yield port
                return
    raise OperatorNeededError(
        f"No port from {_FIRST_PORT} to {_FIRST_PORT + _PORTS - 1} is free on 127.0.0.1.",
        remedy="End what uses them, then start the demo again.",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
