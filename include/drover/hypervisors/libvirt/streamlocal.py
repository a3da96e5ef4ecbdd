"""An SSH transport that also opens unix sockets on the host, as OpenSSH's own client does with `-L`.

paramiko knows `direct-tcpip` but not `direct-streamlocal@openssh.com`, which differs in what follows the head of the
open message only. A unix socket on the host needs no `nc` there and is never a port on a network.
"""

import logging
import threading
from typing import Any, Protocol

import paramiko  # noqa: TID253 - this module is imported by functions only
from paramiko.common import MSG_CHANNEL_DATA, cMSG_CHANNEL_WINDOW_ADJUST  # noqa: TID253
from paramiko.message import Message  # noqa: TID253

_KIND = "direct-streamlocal@openssh.com"
# paramiko's first choice is CTR with a MAC beside it; GCM does both at once and twice as fast.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
WINDOW = 16 << 20
PACKET = 1 << 18

# Refused channels are raised to who asked; without this, Python would also print them to stderr.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class Receiver(Protocol):
    """Takes what arrives on a channel, in the transport's own thread, and returns how much of it is dealt with.

    The rest it feeds to the channel's buffer, whose reader acknowledges it; all of it where not `at_once`.
    """

    def __call__(self, data: bytes, *, at_once: bool) -> int: ...


class StreamlocalTransport(paramiko.Transport):
    """A transport with fast ciphers first, `open_unix`, and `deliver`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options = self.get_security_options()
        rest = [cipher for cipher in options.ciphers if cipher not in _CIPHERS]
        options.ciphers = [*_CIPHERS, *rest]
        self._opening = threading.local()
        self._receivers: dict[int, Receiver] = {}

    def open_unix(self, path: str, timeout: float) -> paramiko.Channel:
        """A stream to the unix socket `path` on the host. :raises paramiko.SSHException: it was refused."""
        self._opening.path = path
        try:
            return self.open_channel(_KIND, window_size=WINDOW, max_packet_size=PACKET, timeout=timeout)
        finally:
            self._opening.path = None

    def deliver(self, channel: paramiko.Channel, receiver: Receiver | None) -> None:
        """From now on `receiver` is given what arrives on the channel, and not its buffer; None: its buffer again."""
        if receiver is None:
            self._receivers.pop(channel.chanid, None)
        else:
            self._receivers[channel.chanid] = receiver

    def _arrived(self, channel: Any, message: Message) -> None:
        receiver = self._receivers.get(channel.chanid)
        if receiver is None:
            channel._feed(message)
            return
        # While keys are exchanged nothing may be acknowledged, and this thread is the one that exchanges them.
        taken = receiver(message.get_binary(), at_once=self.clear_to_send.is_set())
        more = channel._check_add_window(taken)
        if more > 0:
            answer = Message()
            answer.add_byte(cMSG_CHANNEL_WINDOW_ADJUST)
            answer.add_int(channel.remote_chanid)
            answer.add_int(more)
            self._send_message(answer)  # type: ignore[attr-defined]

    _channel_handler_table = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_DATA: lambda channel, message: channel.transport._arrived(channel, message),
    }

    def _send_user_message(self, data: Message) -> None:
        # Called by open_channel in the thread that opens: the one place where the message can be completed.
        path = getattr(self._opening, "path", None)
        if path is not None:
            self._opening.path = None
            data.add_string(path)
            data.add_string("")
            data.add_int(0)
        super()._send_user_message(data)  # type: ignore[misc]
