"""One HTTP request over any stream: a socket of ours, or a channel through a host into an isolated network."""

import http.client
import io
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from drover.hypervisors.port import Stream

Connect = Callable[[str, int, float], Stream]
BODY_LIMIT = 1 << 20
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Answer:
    """:param body: at most `BODY_LIMIT` bytes of it."""

    status: int
    body: bytes


def get(url: str, connect: Connect, timeout: float) -> Answer:
    """Asks once. Certificates are verified; redirections are not followed.

    :param timeout: seconds for all of it: a server that drips its answer does not keep us.
    :raises OSError: nobody answers, or not in time. :raises http.client.HTTPException: what answers speaks no HTTP.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    end = time.monotonic() + timeout
    stream = connect(host, port, timeout)
    try:
        if parts.scheme == "https":
            stream = _Tls(stream, host, end)
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        connection.sock = cast(Any, _Socket(stream, end))
        connection.request("GET", f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}")
        response = connection.getresponse()
        return Answer(response.status, response.read(BODY_LIMIT))
    finally:
        stream.close()


def _remaining(end: float) -> None:
    if time.monotonic() >= end:
        raise TimeoutError("timed out")


class _Socket:
    """What `http.client` needs of a socket."""

    def __init__(self, stream: Stream, end: float) -> None:
        self._stream = stream
        self._end = end

    def sendall(self, data: bytes) -> None:
        self._stream.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._stream, self._end))

    def close(self) -> None:
        """The stream is closed by who opened it."""


class _Raw(io.RawIOBase):
    def __init__(self, stream: Stream, end: float) -> None:
        self._stream = stream
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _remaining(self._end)
        data = self._stream.recv(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Tls:
    """TLS over a stream that is no socket."""

    def __init__(self, stream: Stream, host: str, end: float) -> None:
        self._stream = stream
        self._end = end
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = ssl.create_default_context().wrap_bio(self._in, self._out, server_hostname=host)
        self._go_on(self._tls.do_handshake)

    def sendall(self, data: bytes) -> None:
        self._go_on(lambda: self._tls.write(data))

    def recv(self, count: int) -> bytes:
        try:
            return bytes(self._go_on(lambda: self._tls.read(count)))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def close(self) -> None:
        self._stream.close()

    def _go_on(self, step: Callable[[], Any]) -> Any:
        """Repeats a step of TLS while it wants bytes from the other side."""
        while True:
            _remaining(self._end)
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._stream.recv(1 << 16)
                self._in.write(data) if data else self._in.write_eof()
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if data := self._out.read():
            self._stream.sendall(data)
