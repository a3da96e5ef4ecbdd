"""TLS over any stream, as a check needs it: certificates are verified as everywhere."""

import ssl

from drover.hypervisors.port import Stream

_PIECE = 64 * 1024


class TlsStream:
    """A `Stream` inside TLS. :raises OSError: the certificate is not trusted, or the other end speaks no TLS."""

    def __init__(self, stream: Stream, host: str) -> None:
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._shaken = False

    def sendall(self, data: bytes) -> None:
        while not self._shaken:
            try:
                self._tls.do_handshake()
                self._shaken = True
            except ssl.SSLWantReadError:
                self._exchange()
        self._tls.write(data)
        self._send()

    def recv(self, count: int) -> bytes:
        while True:
            try:
                return self._tls.read(count)
            except ssl.SSLWantReadError:
                self._exchange()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def close(self) -> None:
        self._stream.close()

    def _exchange(self) -> None:
        self._send()
        data = self._stream.recv(_PIECE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _send(self) -> None:
        if data := self._outgoing.read():
            self._stream.sendall(data)
