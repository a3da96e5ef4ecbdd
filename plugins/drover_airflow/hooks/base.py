"""What the hooks of all hypervisors share: an Airflow connection becomes a `ConnectionSpec`, that a hypervisor."""

import logging
from dataclasses import replace
from typing import Any, ClassVar

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from drover.errors import BadInputError, DroverError
from drover.hypervisors import registry
from drover.hypervisors.connection import ConnectionSpec, checked
from drover.hypervisors.port import Hypervisor

# What these say below a warning is about themselves, and would bury what an auditor looks for in a task's log.
_CHATTY = ("great_expectations", "matplotlib", "urllib3", "asyncio", "posthog")


class HypervisorHook(BaseHook):
    """Opens the hypervisor behind one Airflow connection.

    :param conn_id: the Airflow connection.
    """

    conn_name_attr: ClassVar[str] = "conn_id"
    default_conn_name: ClassVar[str]
    conn_type: ClassVar[str]
    hook_name: ClassVar[str]

    def __init__(self, conn_id: str | None = None) -> None:
        super().__init__()
        self.conn_id = conn_id or self.default_conn_name

    def get_conn(self, reader: str = "") -> Hypervisor:
        """The connected hypervisor; a context manager that closes what it opened.

        :param reader: who reads disks through it, the same at each try (`ConnectionSpec.reader`).
        :raises drover.errors.DroverError: it cannot be reached, or refuses; told in a plain sentence.
        """
        return registry.connect(replace(resolve(self.conn_id), reader=reader))

    def test_connection(self) -> tuple[bool, str]:
        """What the Test button of the connection form shows."""
        try:
            with self.get_conn() as hypervisor:
                host = hypervisor.host()
                count = len(hypervisor.machines())
        except DroverError as error:
            return False, str(error)
        return True, f"{host.name} answers: {host.hypervisor} {host.version}, {host.cpus} CPUs, {count} machines."


def resolve(conn_id: str) -> ConnectionSpec:
    """The connection of this id, from wherever Airflow keeps it. :raises BadInputError: there is none."""
    try:
        return spec_from_connection(BaseHook.get_connection(conn_id))
    except AirflowNotFoundException:
        raise _missing(conn_id) from None


async def aresolve(conn_id: str) -> ConnectionSpec:
    """`resolve` for triggers, whose event loop a blocking look-up would stop."""
    try:
        return spec_from_connection(await BaseHook.aget_connection(conn_id))
    except AirflowNotFoundException:
        raise _missing(conn_id) from None


def spec_from_connection(connection: Connection) -> ConnectionSpec:
    """:raises BadInputError: the connection has no host, or a port that there is not."""
    spec = ConnectionSpec(
        id=connection.conn_id,
        kind=connection.conn_type or "",
        host=connection.host or "",
        login=connection.login or None,
        password=connection.password or None,
        port=connection.port,
        extra=_filled(connection.extra_dejson),
    )
    return checked(spec, "Fill in its host in Admin, Connections.")


def _filled(extra: dict[str, Any]) -> dict[str, Any]:
    """A form saves an empty field as an empty text, which means that nothing was said."""
    return {key: value for key, value in extra.items() if value not in (None, "")}


def _missing(conn_id: str) -> BadInputError:
    return BadInputError(
        f"There is no Airflow connection '{conn_id}'.",
        remedy=f"Create it in Admin, Connections, or set AIRFLOW_CONN_{conn_id.upper()}.",
    )


def quiet() -> None:
    """Keeps the chatter of libraries out of task logs; their warnings stay."""
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # Each try to reach a guest that still boots is an error to it; what matters is raised as an exception anyway.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
