"""One forwarded stream: a client's socket here and an SSH channel to the host.

What arrives goes from the transport's thread straight into the client's socket, which costs a third less than waking
a thread for each packet. That thread serves everything on the connection and must never wait: what a client does not
take at once waits in the channel's buffer, and a thread of the stream's own brings it.
"""

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

    from drover.hypervisors.libvirt.streamlocal import StreamlocalTransport

_PIECE = 1 << 20
# What paramiko keeps of the server's largest packet for the packet's own head.
_HEAD = 64


class Stream:
    """:param client: stays the caller's to close."""

    def __init__(self, transport: "StreamlocalTransport", channel: "paramiko.Channel", client: socket.socket) -> None:
        self._transport = transport
        self._channel = channel
        self._client = client
        self._lock = threading.Lock()
        # Whether something waits in the channel's buffer (the first packets may have come before us).
        self._behind = True

    def run(self) -> None:
        """Returns when both directions have ended."""
        back = threading.Thread(target=self._to_client, daemon=True)
        self._transport.deliver(self._channel, self._arrived)
        back.start()
        self._to_host()
        back.join()
        with suppress(OSError, EOFError):  # The connection may have gone before its streams.
            self._channel.close()
        self._transport.deliver(self._channel, None)

    def _arrived(self, data: bytes, *, at_once: bool) -> int:
        """Called by the transport's thread. The bytes that the client has taken; the others wait for `_to_client`."""
        with self._lock:
            taken = 0 if self._behind or not at_once else self._offer(data)
            if taken < len(data):
                self._behind = True
                self._channel.in_buffer.feed(data[taken:])
            return taken

    def _offer(self, data: bytes) -> int:
        try:
            return self._client.send(data, socket.MSG_DONTWAIT)
        except OSError:
            return 0  # Full, or gone; `_to_client` finds out which.

    def _to_client(self) -> None:
        with suppress(OSError, EOFError):
            while data := self._channel.recv(_PIECE):
                self._client.sendall(data)
                with self._lock:
                    self._behind = self._channel.recv_ready()
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)

    def _to_host(self) -> None:
        room = memoryview(bytearray(_PIECE))
        # Cut here into what one packet takes: paramiko would copy all that is left for each packet that it cuts off.
        packet = self._channel.out_max_packet_size - _HEAD
        with suppress(OSError, EOFError):
            while length := self._client.recv_into(room):
                for at in range(0, length, packet):
                    self._channel.sendall(bytes(room[at : min(at + packet, length)]))
        with suppress(OSError, EOFError):
            self._channel.shutdown_write()
