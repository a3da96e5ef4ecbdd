"""What stands between WinRM and whatever runs its commands: PowerShell as far as the lab models it, or a test's own."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

PIECE = 32 * 1024  # bytes of one element rsp:Stream


@dataclass(frozen=True, slots=True)
class Call:
    """A command as it came: nothing of it has been parsed or unquoted.

    :param arguments: as the client sent them; one client joins them all in one.
    :param console_input: whether input is typed into a console (true) or piped as bytes (false).
    :param skip_cmd: whether the program is started itself, and not by cmd.exe.
    :param user: who is logged in.
    :param delegated: whether the login can be used at a second host (CredSSP, or Kerberos with delegation).
    """

    command: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    code_page: int
    console_input: bool
    skip_cmd: bool
    user: str
    delegated: bool


class Streams:
    """Input and output of one command. `cancelled` is set when nobody wants it any more."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self._changed = threading.Condition()
        self._input = bytearray()
        self._input_ended = False
        self._output: deque[tuple[str, bytes]] = deque()
        self._exit_code: int | None = None

    # --- The runner's side ---

    def read(self, size: int = -1) -> bytes:
        """Waits for input: at most `size` bytes, or everything up to its end; b"" is the end."""
        with self._changed:
            while not self.cancelled.is_set():
                if self._input_ended or (0 <= size <= len(self._input)) or (size > 0 and self._input):
                    break
                self._changed.wait()
            count = len(self._input) if size < 0 else min(size, len(self._input))
            taken = bytes(self._input[:count])
            del self._input[:count]
            return taken

    def write(self, data: bytes, stream: str = "stdout") -> None:
        with self._changed:
            self._output.extend((stream, data[at : at + PIECE]) for at in range(0, len(data), PIECE))
            self._changed.notify_all()

    # --- The server's side ---

    def feed(self, data: bytes, end: bool) -> bool:
        """More input. :returns: whether it was taken: not after the end."""
        with self._changed:
            if self._input_ended:
                return False
            self._input += data
            self._input_ended = end
            self._changed.notify_all()
            return True

    def finish(self, exit_code: int) -> None:
        with self._changed:
            self._exit_code = exit_code
            self._changed.notify_all()

    def cancel(self) -> None:
        with self._changed:
            self.cancelled.set()
            self._changed.notify_all()

    def take(self, limit: int, timeout: float) -> tuple[list[tuple[str, bytes]], int | None] | None:
        """Output of at most `limit` bytes, and the exit code once all of it was taken; None where nothing came."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._output or self._exit_code is not None or self.cancelled.is_set(), timeout
            )
            taken: list[tuple[str, bytes]] = []
            while self._output and limit >= len(self._output[0][1]):
                taken.append(self._output.popleft())
                limit -= len(taken[-1][1])
            done = self._exit_code if not self._output else None
            return (taken, done) if taken or done is not None else None


class Runner(Protocol):
    """Runs a command to its end in the calling thread. Ends early when `streams.cancelled` is set.

    :raises NotModelledError: it cannot be run as Windows would; the server notes that and ends it with 250.
    """

    def run(self, call: Call, streams: Streams) -> int:
        """:returns: the exit code."""
        ...

    def boot(self) -> None:
        """The host has power: start what starts with it."""
        ...

    def reboot(self) -> None:
        """The host was cut off: forget what does not outlive that."""
        ...
