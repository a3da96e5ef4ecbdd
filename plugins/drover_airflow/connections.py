"""Airflow's connections for the command line, which runs outside of any task: whatever keeps them, where Airflow is
configured in this shell. Else nothing is imported, because Airflow costs seconds and makes itself a home.
"""

import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from drover.errors import OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec

# Each of them says where connections are kept; so does a file of settings.
_SETTINGS = (
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET",
    "AIRFLOW__SECRETS__BACKEND",
)


def find(conn_id: str) -> ConnectionSpec | None:
    """The connection that Airflow knows under this id; None where it knows none, or is not configured here.

    :raises OperatorNeededError: something that keeps connections for Airflow cannot be asked, and nothing else has it.
    :raises BadInputError: the connection names no host, or a wrong port.
    """
    if not _is_configured():
        return None
    # What Airflow logs goes to stdout, which belongs to the command's result.
    with redirect_stdout(sys.stderr):
        return _ask(conn_id)


def _is_configured() -> bool:
    if any(os.environ.get(name) for name in _SETTINGS):
        return True
    home = Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    return Path(os.environ.get("AIRFLOW_CONFIG") or home / "airflow.cfg").expanduser().is_file()


def _ask(conn_id: str) -> ConnectionSpec | None:
    from airflow.configuration import ensure_secrets_loaded
    from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied

    from drover_airflow.hooks.base import spec_from_connection

    # Not `Connection.get_connection_from_secrets`: to that, a keeper that is down has no such connection.
    failed = ""
    for keeper in ensure_secrets_loaded():
        try:
            connection = keeper.get_connection(conn_id=conn_id)
        except Exception as error:  # noqa: BLE001  every keeper has errors of its own
            failed = failed or f"{type(keeper).__name__}: {type(error).__name__}"
            if isinstance(error, AirflowSecretsBackendAccessDenied):
                break  # a no for all that come after it, too
            continue
        if connection is not None:
            return spec_from_connection(connection)
    if failed:
        raise OperatorNeededError(
            f"What keeps Airflow's connections cannot be asked for '{conn_id}' ({failed}).",
            remedy="See that 'airflow connections list' works here; a new database needs 'airflow db migrate'.",
        )
    return None
