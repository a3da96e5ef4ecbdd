"""HTTPS beside the API: files of datastores (/folder) and leases (/nfc), with the session's login and its trust."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.vsphere.errors import server_errors
from drover.hypervisors.vsphere.tls import Trust

_SECONDS = 120.0


class AnsweredError(RetryableError):
    """The server did answer, with a failure of its own (5xx): the line is whole, and it may stay so."""


class Http:
    """:attr trust: how certificates are judged. :param renew: logs in again where the login has run out."""

    def __init__(
        self, host: str, port: int, trust: Trust, cookie: Callable[[], str], renew: Callable[[], None]
    ) -> None:
        self.host = host
        self.port = port
        self.trust = trust
        self._cookie = cookie
        self._renew = renew

    @property
    def cookie(self) -> str:
        """The value of the `Cookie` header: a secret, as good as the password while the session lasts."""
        return self._cookie().split(";")[0]

    def connection(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        thumbprint: str | None = None,
        timeout: float = _SECONDS,
    ) -> HTTPSConnection:
        """A verified connection that is not open yet, to the server or to a host that it names.

        :param thumbprint: of that host, as the server told it over a verified connection.
        """
        trust = self.trust.pinned(thumbprint) if thumbprint else self.trust
        return trust.connection(host or self.host, port or self.port, timeout)

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        connection: HTTPSConnection | None = None,
        login: bool = True,
    ) -> Iterator[HTTPResponse]:
        """One request; the answer is to be read inside the context.

        :param path: already quoted, as `folder_url` gives it. :param body: what http.client takes.
        :param connection: to send it over; it stays open.
        :param login: send the session's login along. Never to another than the server itself: whoever has it is us.
        :raises OperatorNeededError: refused. :raises RetryableError: the connection broke, or the server is busy.
        """
        line = connection or self.connection()
        try:
            with server_errors(line.host):
                answer = self._send(line, method, path, dict(headers or {}), body, login)
                if login and answer.status == 401 and (body is None or isinstance(body, bytes)):
                    answer.read()
                    self._renew()
                    answer = self._send(line, method, path, dict(headers or {}), body, login)
                elif login and answer.status == 401:
                    self._renew()
                    raise RetryableError(
                        f"{line.host} had ended the session when it was sent something ({method}).",
                        remedy="Try again; if it stays so, look who ends the session.",
                    )
                if answer.status >= 300:
                    raise _refused(line.host, method, path, answer)
                yield answer
        finally:
            if connection is None:
                line.close()

    def _send(
        self, line: HTTPSConnection, method: str, path: str, headers: dict[str, str], body: Any, login: bool
    ) -> HTTPResponse:
        line.request(method, path, body=body, headers=({"Cookie": self.cookie} if login else {}) | headers)
        return line.getresponse()


def folder_url(datacenter: str, datastore: str, path: str) -> str:
    """The path of a datastore's file, of names as the server keeps them.

    :param datacenter: its inventory path. :param path: within the datastore.
    """
    return f"/folder/{quote(path.lstrip('/'))}?{urlencode({'dcPath': datacenter, 'dsName': datastore})}"


def _refused(host: str, method: str, path: str, answer: HTTPResponse) -> OperatorNeededError | RetryableError:
    # A lease's address is a ticket: whoever has it may send and fetch.
    shown = "/nfc" if path.startswith("/nfc/") else path.partition("?")[0]
    said = f"{answer.status} {answer.reason} to {method} {shown}"
    if answer.status == 507:
        return OperatorNeededError(
            f"{host} has no room for what it was sent ({said}).",
            remedy="Make room on the datastore, or map the storage to another one.",
        )
    what = f"{host} answers {said}"
    if answer.status >= 500:
        return AnsweredError(f"{what}.", remedy="Try again; if it stays so, look at the server's own log.")
    if answer.status == 404:
        return OperatorNeededError(f"{what}.", remedy="Find out who moved or removed that file.")
    if answer.status in (401, 403):
        return OperatorNeededError(f"{what}.", remedy="Give the connection's user Datastore.Browse and FileManagement.")
    return OperatorNeededError(f"{what}.", remedy="Correct that on the server.")
