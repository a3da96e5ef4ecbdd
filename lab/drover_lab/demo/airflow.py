"""Starts the demo's Airflow, waits until all of it works, and ends it, whatever happens."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from drover.errors import OperatorNeededError, RetryableError
from drover_lab.demo import sessions
from drover_lab.demo.api import Airflow
from drover_lab.demo.home import USER, Home, free_port
from drover_lab.demo.sessions import Session
from drover_lab.process import run

# Without the log servers: tasks run on this machine, so the UI reads their logs from the disk, and no port is opened.
COMPONENTS: dict[str, list[str]] = {
    "api-server": ["api-server", "--host", "127.0.0.1", "--port", "{port}"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_START_SECONDS = 240.0
_BETWEEN_LOOKS = 1.0

Say = Callable[[str], None]


@contextmanager
def started(
    home: Home, extra: Mapping[str, str], say: Say, components: Mapping[str, Sequence[str]] = COMPONENTS
) -> Iterator[tuple[Airflow, str]]:
    """Airflow, logged in, and its address. Leaving ends it.

    :param extra: further environment variables, connections among them; they go before those of `home`.
    :param components: the arguments of each Airflow command, by a name for its log.
    :raises OperatorNeededError: a component ended, or not all work in time.
    """
    home.prepare()
    leftover = Session.left(home.processes, home.folder)
    if any(session.members() for session in leftover):
        say("Ending what an earlier demo left running.")
    sessions.end(leftover)
    home.forget_unfinished()
    with free_port() as port, _running(home, port, extra, say, components) as airflow:
        yield airflow


@contextmanager
def _running(
    home: Home, port: int, extra: Mapping[str, str], say: Say, components: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Airflow, str]]:
    environment = home.environment(port) | dict(extra)
    say("Preparing Airflow's database.")
    run([sys.executable, "-m", "airflow", "db", "migrate"], environment=environment, timeout=_START_SECONDS)
    running: dict[str, Session] = {}
    address = f"http://127.0.0.1:{port}"
    try:
        say("Starting Airflow.")
        for name, arguments in components.items():
            running[name] = Session.start(
                name,
                [sys.executable, "-m", "airflow", *(argument.format(port=port) for argument in arguments)],
                folder=home.folder,
                records=home.processes,
                log=home.logs / f"{name}.log",
                env=environment,
            )
        with Airflow(address, USER, home.keys["password"]) as airflow:
            _await_health(airflow, running, home)
            airflow.log_in()
            yield airflow, address
    finally:
        sessions.end(running.values())


def _await_health(airflow: Airflow, running: Mapping[str, Session], home: Home) -> None:
    end = time.monotonic() + _START_SECONDS
    missing = "its API server"
    while time.monotonic() < end:
        for name, session in running.items():
            if session.exit_code is not None:
                raise OperatorNeededError(
                    f"Airflow's {name} ended with {session.exit_code} while it was starting.",
                    remedy=f"Its log is {home.logs / f'{name}.log'}.",
                )
        try:
            parts = airflow.health()
            ill = [name for name, part in parts.items() if part and part.get("status") not in ("healthy", None)]
            absent = [name for name in ("scheduler", "triggerer", "dag_processor") if not parts[name].get("status")]
            if not ill and not absent:
                return
            missing = ", ".join(ill + absent)
        except RetryableError:
            pass  # told at the deadline
        time.sleep(_BETWEEN_LOOKS)
    raise OperatorNeededError(
        f"Airflow did not come up within {_START_SECONDS:g} s: {missing} does not work.",
        remedy=f"Its logs are in {home.logs}.",
    )
