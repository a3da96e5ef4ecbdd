"""HTTP around WinRM: connections, logins, sealed bodies, and what goes wrong on purpose."""

import socket
import socketserver
import ssl
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple

from drover_lab.hyperv import seal, soap, wsfault
from drover_lab.hyperv.injection import Injection, Injections
from drover_lab.hyperv.login import Login, Users
from drover_lab.hyperv.service import Caller, Service
from drover_lab.hyperv.soap import NotModelledError

SOAP_TYPE = "application/soap+xml;charset=UTF-8"
_LARGEST = 8 * 1024 * 1024


class Seen(NamedTuple):
    """A request that was answered, for the control socket."""

    action: str
    protocol: str
    user: str
    sealed: bool
    tls: bool


@dataclass(slots=True)
class Host:
    """What the connections of one simulated host share."""

    service: Service
    users: Users
    injections: Injections
    unmodelled: list[str]
    seen: list[Seen] = field(default_factory=list)
    connections: set[socket.socket] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)

    def cut(self) -> None:
        """Drops every connection, in the middle of whatever it does."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Listener(socketserver.ThreadingTCPServer):
    """One port. :param tls: its context, and the server's certificate in DER."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], host: Host, tls: tuple[ssl.SSLContext, bytes] | None) -> None:
        self.host = host
        self.tls = tls
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Connections break all the time here, and on purpose; a mistake of ours is told by `unmodelled`."""
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ssl.SSLError)):
            self.host.unmodelled.append(f"{type(error).__name__}: {error}")


class Handler(BaseHTTPRequestHandler):
    """One connection, for as long as it is kept."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    disable_nagle_algorithm = True  # an answer is written in two parts
    timeout = 900
    server: Listener

    def setup(self) -> None:
        certificate = peer = None
        if self.server.tls:
            context, certificate = self.server.tls
            self.request.settimeout(self.timeout)
            self.request = context.wrap_socket(self.request, server_side=True)
            peer = self.request.getpeercert(binary_form=True)
        self.server.host.connections.add(self.request)
        self.login = Login(self.server.host.users, certificate, peer)
        super().setup()

    def finish(self) -> None:
        self.server.host.connections.discard(self.request)
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """The control socket tells what was asked."""

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _LARGEST))
        if self.path.partition("?")[0] not in ("/wsman", "/wsman-anon/identify"):
            return self._answer(404)
        try:
            self._post(body)
        except NotModelledError as error:
            self.server.host.unmodelled.append(str(error))
            self._answer(501, f"The simulated host does not model this: {error}".encode(), "text/plain")
        except seal.SealError as error:
            self.server.host.unmodelled.append(f"a sealed body with {error}")
            self._answer(400)
        return None

    def _post(self, body: bytes) -> None:
        if self.path.startswith("/wsman-anon"):
            return self._anonymous(body)
        outcome = self.login.step(self.headers.get("Authorization"))
        if outcome.status != 200:
            return self._answer(outcome.status, header=outcome.header, offers=outcome.status == 401)
        if not body:
            return self._answer(200, header=outcome.header)
        kind = self.headers.get("Content-Type", "")
        sealed = seal.is_sealed(kind)
        if self.login.must_seal and not sealed:
            return self._answer(500)  # AllowUnencrypted is false
        if sealed and self.login.context is None:
            return self._answer(401, offers=True)
        message = seal.unseal(self.login.context, kind, body) if sealed else body
        request = soap.parse(message)
        host = self.server.host
        host.seen.append(Seen(request.name, self.login.protocol, self.login.user, sealed, self.login.tls))
        self._carry_out(request, len(message), seal.protocol_of(kind) if sealed else None, outcome.header)
        return None

    def _anonymous(self, body: bytes) -> None:
        request = soap.parse(body)
        if request.name != "Identify":
            raise NotModelledError("anything but Identify from somebody who is not logged in")
        self._answer(*self.server.host.service.handle(request, Caller("", self.client_address[0]), len(body)))

    def _carry_out(self, request: soap.Request, size: int, sealing: str | None, header: str | None) -> None:
        host = self.server.host
        wrong = host.injections.take(request.name)
        if wrong and wrong.kind == "drop" and wrong.when == "before" and wrong.after_bytes is None:
            return self._cut()
        if wrong and wrong.kind == "status":
            return self._answer(wrong.status)
        caller = Caller(self.login.user, self.client_address[0], self.login.delegated)
        if not host.users.is_administrator(self.login.user):
            status, message = host.service.refuse(request, wsfault.access_denied())
        elif wrong and wrong.kind == "quota":
            status, message = host.service.refuse(request, wsfault.too_many_shells(30))
        else:
            status, message = host.service.handle(request, caller, size)
        kind = SOAP_TYPE
        if sealing:
            kind, message = seal.seal(self.login.context, sealing, message)
        self._answer(status, message, kind, header=header, wrong=wrong)
        return None

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        kind: str = SOAP_TYPE,
        *,
        header: str | None = None,
        offers: bool = False,
        wrong: Injection | None = None,
    ) -> None:
        if wrong and wrong.kind == "slow" and self.server.host.stopping.wait(wrong.seconds):
            return self._cut()  # a host that goes down answers nobody
        if wrong and wrong.kind == "drop" and wrong.after_bytes is None:
            return self._cut()
        self.send_response(status)
        if header:
            self.send_header("WWW-Authenticate", header)
        elif offers:
            for offer in self.login.offers():
                self.send_header("WWW-Authenticate", offer)
        if body:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if wrong and wrong.after_bytes is not None:
            self.wfile.write(body[: wrong.after_bytes])
            return self._cut()
        self.wfile.write(body)
        return None

    def _cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
