"""HTTP and TCP checks against real servers on loopback."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from checking import direct, nobody, run

from drover.errors import RetryableError
from drover.guest.checks import run_check
from drover.guest.http import BODY_LIMIT
from drover.hypervisors.port import Stream
from drover.waves.checks import HttpCheck, HttpRequest, TcpCheck, TcpPort


class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        answers = {
            "/health?full=1": (200, b'{"status":"ok"}'),
            "/late": (200 if self.asked >= 3 else 503, b"ready"),
            "/big": (200, b"x" * (BODY_LIMIT + 10) + b"needle"),
        }
        status, body = answers.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def port() -> Iterator[int]:
    Handler.asked = 0
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as number:
        yield number


def http(port: int, path: str, scheme: str = "http", host: str = "127.0.0.1", **wanted: object) -> HttpCheck:
    return HttpCheck(http=HttpRequest(url=f"{scheme}://{host}:{port}{path}", **wanted))  # type: ignore[arg-type]


def test_an_answer_as_wanted_passes(port: int) -> None:
    result = run(http(port, "/health?full=1", contains='"status":"ok"'))

    assert (result.passed, result.attempts, result.detail) == (True, 1, "It answered 200.")
    assert result.name == f"http http://127.0.0.1:{port}/health?full=1"


def test_a_wrong_status_or_body_fails_and_says_so(port: int) -> None:
    assert run(http(port, "/gone")).detail == "It answered 404 instead of 200."
    assert run(http(port, "/gone", status=404)).passed
    result = run(http(port, "/health?full=1", contains="down"))
    assert (result.passed, result.detail) == (False, "It answered 200, but without 'down' in it.")


def test_it_is_asked_again_until_it_passes(port: int) -> None:
    result = run(http(port, "/late"), deadline=30)

    assert (result.passed, result.attempts) == (True, 3)
    assert result.seconds >= 2


def test_a_deadline_ends_the_asking(port: int) -> None:
    result = run(http(port, "/gone"), deadline=1.5)

    assert not result.passed
    assert result.seconds < 3


def test_only_the_beginning_of_a_long_answer_is_read(port: int) -> None:
    assert run(http(port, "/big", contains="xxx")).passed
    assert not run(http(port, "/big", contains="needle")).passed


@contextmanager
def talking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that answers one caller in its own way."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            # The caller hangs up, as it should.
            with server.accept()[0] as caller, suppress(OSError):
                talk(caller)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_server_that_speaks_no_http_is_told() -> None:
    with talking(lambda caller: caller.sendall(b"220 smtp\r\n")) as port:
        assert run(http(port, "/")).detail == "What answered was no HTTP (BadStatusLine)."


def test_a_server_that_drips_its_answer_does_not_keep_us() -> None:
    def drip(caller: socket.socket) -> None:
        caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            caller.sendall(b"x")
            time.sleep(0.05)

    with talking(drip) as port:
        began = time.monotonic()
        result = run(http(port, "/"), deadline=1.0)

    assert (result.passed, result.detail) == (False, "It did not answer in time.")
    assert time.monotonic() - began < 60


def test_a_closed_port_and_an_unknown_name_are_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]

    assert (
        run(TcpCheck(tcp=TcpPort(address="127.0.0.1", port=closed))).detail
        == "It could not be reached: Connection refused."
    )
    assert run(http(80, "/", host="nowhere.invalid")).detail == "The name of its host is not known."


def test_a_port_that_takes_connections_passes(port: int) -> None:
    result = run(TcpCheck(tcp=TcpPort(address="127.0.0.1", port=port)))

    assert (result.passed, result.name) == (True, f"tcp 127.0.0.1:{port}")


def test_a_connector_that_fails_is_asked_again(port: int) -> None:
    """A channel through a host into a network whose guest still boots."""
    asked: list[str] = []

    def flaky(address: str, number: int, timeout: float) -> Stream:
        asked.append(address)
        if len(asked) == 1:
            raise RetryableError("Nobody answers there.", remedy="Wait.")
        return direct("127.0.0.1", number, timeout)

    result = run_check(http(port, "/late", status=503, host="10.9.8.7"), flaky, 10.0, nobody)

    assert (result.passed, result.attempts, asked) == (True, 2, ["10.9.8.7", "10.9.8.7"])


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A server with a certificate for 127.0.0.1 that only who is given it trusts."""
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=guest",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(certificate),
        ],
        check=True,
        capture_output=True,
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        yield port, certificate


def test_certificates_are_verified(https: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    port, certificate = https
    check = http(port, "/health?full=1", scheme="https", contains="ok")

    refused = run(check)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert not refused.passed
    assert refused.detail.startswith("Its certificate was refused: self-signed certificate")
    assert run(check).detail == "It answered 200."
