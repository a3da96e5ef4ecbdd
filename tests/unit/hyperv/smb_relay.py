"""A line between the product and a real SMB server, which breaks after so many bytes: counted, so never too late."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

_PIECE = 64 << 10


def _nothing() -> None:
    pass


class Relay:
    """:attr port: where it listens. It is whole until `break_after`, and again after `mend`."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._ends: list[socket.socket] = []
        self.mend()
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    def mend(self) -> None:
        self._way, self._left = "", 0
        self._then: Callable[[], None] = _nothing
        self.broken = self._silently = False

    def break_after(
        self, number: int, way: str = "said", *, then: Callable[[], None] = _nothing, silently: bool = False
    ) -> None:
        """As soon as so many bytes have passed, every connection is cut; one that is made later, at once.

        :param way: `said` by the server, or `told` to it. :param then: is done before the cut.
        :param silently: nothing is cut and nothing comes any more, as when a host loses its power.
        """
        self.mend()
        self._way, self._left, self._then, self._silently = way, number, then, silently

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._to))
                with self._lock:
                    self._ends += [client, server]
                if self.broken:
                    self._cut()
                for way, one, other in (("said", server, client), ("told", client, server)):
                    threading.Thread(target=self._pass_on, args=(way, one, other), name="relay", daemon=True).start()

    def _pass_on(self, way: str, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(_PIECE):
                if self._may_pass(way, len(data)):
                    other.sendall(data)
            other.shutdown(socket.SHUT_WR)

    def _may_pass(self, way: str, number: int) -> bool:
        with self._lock:
            if self.broken:
                return False
            if way != self._way:
                return True
            self._left -= number
            self.broken = self._left <= 0
        if self.broken:
            self._then()
            if not self._silently:
                self._cut()
        return not self.broken

    def _cut(self) -> None:
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
