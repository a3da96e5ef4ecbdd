"""Checks that prove an application, as the wave file says them; asking them is `drover.guest.checks`' business."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, StrictInt, StringConstraints, Tag

from drover.waves.parts import ConnectionId, Part, Text, told

CHECKS = ("http", "tcp", "command")


def _url_problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        return f"'{url}' is not a web address: expected http:// or https://, a host and a path"
    # Law: secrets live in Airflow connections only. The address itself is not repeated here for that reason.
    return "the address holds a login: secrets belong into Airflow connections" if parts.username else None


class HttpRequest(Part):
    """An answer that is expected. `contains` is looked for in the body as it is, without regard to its encoding."""

    url: Annotated[Text, told(_url_problem)]
    status: Annotated[StrictInt, Field(ge=100, le=599)] = 200
    contains: Text | None = None


class TcpPort(Part):
    """A port that must take connections."""

    address: Annotated[str, StringConstraints(pattern=r"^[^\s/]+$", max_length=253)]
    port: Annotated[StrictInt, Field(ge=1, le=65535)]


class Command(Part):
    """A command in the guest: a list of words that no shell reads, over the SSH connection with this id."""

    connection: ConnectionId
    run: Annotated[tuple[Text, ...], Field(min_length=1)]
    exit: Annotated[StrictInt, Field(ge=0, le=255)] = 0


class HttpCheck(Part):
    http: HttpRequest


class TcpCheck(Part):
    tcp: TcpPort


class CommandCheck(Part):
    command: Command


def _kind_of_check(value: Any) -> str | None:
    """The one key that says which check it is."""
    if isinstance(value, dict):
        return next((kind for kind in value if kind in CHECKS), None)
    return next((kind for kind in CHECKS if hasattr(value, kind)), None)


Check = Annotated[
    Annotated[HttpCheck, Tag("http")] | Annotated[TcpCheck, Tag("tcp")] | Annotated[CommandCheck, Tag("command")],
    Discriminator(
        _kind_of_check,
        custom_error_type="told",
        custom_error_message=f"this is no check that is known: expected one key of {', '.join(CHECKS)}",
    ),
]
