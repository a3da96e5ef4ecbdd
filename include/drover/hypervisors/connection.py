"""How to reach one hypervisor host, free of Airflow: what an Airflow connection holds, as a dataclass."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from drover.errors import BadInputError


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """One Airflow connection.

    :param id: the connection's id, for messages.
    :param kind: the Airflow connection type: `libvirt`, `vsphere`, `hyperv`, `ssh`.
    :param extra: the connection's extra fields; what each kind reads is documented beside its hypervisor.
    :param reader: who works through it (`wave/run/machine`); the connection itself does not say. What has to be left at
        a platform while disks are read is named after it, so that a retry finds its own and nobody takes another's.
    """

    id: str
    kind: str
    host: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    reader: str = ""


# Who else knows connections: name -> callable(conn_id) -> ConnectionSpec | None. The lab is one of them.
_PROVIDERS = "drover.connections"


def resolve(conn_id: str) -> ConnectionSpec:
    """The connection from the environment, or else from the first provider that knows it.

    :raises BadInputError: nobody knows it, or it cannot be read.
    """
    if os.environ.get(_variable(conn_id)):
        return from_environment(conn_id)
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=_PROVIDERS), key=lambda point: point.name):
        spec: ConnectionSpec | None = point.load()(conn_id)
        if spec is not None:
            return spec
    return from_environment(conn_id)


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def from_environment(conn_id: str) -> ConnectionSpec:
    """The connection as Airflow itself reads it from the environment: `AIRFLOW_CONN_<ID>`, JSON or URI.

    :raises BadInputError: there is none, or it cannot be read. The value is never part of the message.
    """
    variable = _variable(conn_id)
    raw = os.environ.get(variable)
    if not raw:
        raise BadInputError(
            f"There is no connection '{conn_id}'.",
            remedy=f"Set {variable} as Airflow would read it, or create it in Airflow and run this with Airflow's own "
            "settings (AIRFLOW_HOME, AIRFLOW__...).",
        )
    try:
        spec = _from_json(conn_id, raw) if raw.lstrip().startswith("{") else _from_uri(conn_id, raw)
    except (ValueError, TypeError) as error:
        raise _unreadable(conn_id, variable, _WORDS.get(type(error), "it is not what Airflow would take")) from None
    texts = {"conn_type": spec.kind, "host": spec.host, "login": spec.login, "password": spec.password}
    wrong = [name for name, value in texts.items() if not isinstance(value, str | None)]
    if wrong:
        raise _unreadable(conn_id, variable, f"{wrong[0]} is no text")
    if not isinstance(spec.extra, dict):
        raise _unreadable(conn_id, variable, "extra is no JSON object")
    if not spec.kind:
        raise _unreadable(conn_id, variable, "conn_type is missing")
    return checked(spec, f"Put a host into {variable}.")


def checked(spec: ConnectionSpec, host_remedy: str) -> ConnectionSpec:
    """The same connection, if it says where to.

    :param host_remedy: what to do where it does not, in the words of the place it comes from.
    :raises BadInputError: it names no host, or a port that there is not.
    """
    if not spec.host:
        raise BadInputError(f"The connection '{spec.id}' names no host.", remedy=host_remedy)
    if spec.port is not None and not 1 <= spec.port <= _LAST_PORT:
        raise BadInputError(
            f"The connection '{spec.id}' has the port {spec.port}, and ports are numbers from 1 to {_LAST_PORT}.",
            remedy="Correct its port, or leave it out for the usual one.",
        )
    return spec


_LAST_PORT = 65535
_WORDS = {
    json.JSONDecodeError: "it is no JSON",
    ValueError: f"it is no address, or its port is no number from 1 to {_LAST_PORT}",
}


def _unreadable(conn_id: str, variable: str, why: str) -> BadInputError:
    return BadInputError(
        f"The connection '{conn_id}' in {variable} cannot be read: {why}.",
        remedy="Write it as JSON with conn_type, host, login, password, port and extra.",
    )


def _from_json(conn_id: str, raw: str) -> ConnectionSpec:
    values = json.loads(raw)
    extra = values.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    return ConnectionSpec(
        id=conn_id,
        kind=values.get("conn_type") or "",
        host=values.get("host") or "",
        login=values.get("login"),
        password=values.get("password"),
        port=int(values["port"]) if values.get("port") else None,
        extra=extra,
    )


def _from_uri(conn_id: str, raw: str) -> ConnectionSpec:
    parts = urlsplit(raw)
    extra: dict[str, Any] = dict(parse_qsl(parts.query))
    if "__extra__" in extra:
        extra = json.loads(extra["__extra__"])
    return ConnectionSpec(
        id=conn_id,
        kind=parts.scheme,
        host=unquote(parts.hostname or ""),
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        port=parts.port,
        extra=extra,
    )
