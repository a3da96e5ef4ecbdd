"""The reading process as its caller sees it: started in a group of its own, watched, and ended whatever happens."""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from drover.errors import DroverError, OperatorNeededError, RetryableError

_LOG_SHOWN = 2000


class NotLaunchedError(Exception):
    """The appliance did not start. :param cause: what to raise where there is no other way to start it."""

    def __init__(self, cause: DroverError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Reader:
    """One running process and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[bytes], what: str) -> None:
        self._process = process
        self._log = log
        self._what = what
        self._launched = False
        self._heard = time.monotonic()
        self._error: dict[str, Any] | None = None
        self.apart = False

    def order(self, machines: Sequence[tuple[Mapping[str, str], str]]) -> None:
        """Tells it what to read: for each machine its disks and where its table goes.

        Its input stays open: when that ends, it ends itself.
        """
        assert self._process.stdin is not None
        orders = [{"disks": dict(disks), "table": table} for disks, table in machines]
        self._process.stdin.write(json.dumps(orders).encode() + b"\n")
        self._process.stdin.flush()

    def wait(self, *, launch: float, stall: float, end: float) -> None:
        """Until it is done, or has said that the machines must be read `apart`.

        :param launch: seconds; :param stall: seconds; :param end: by the monotonic clock.
        :raises NotLaunchedError: the appliance did not start (in time).
        :raises DroverError: it started and then failed, or stood still for too long.
        """
        assert self._process.stdout is not None
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                limit = min(end, self._heard + (stall if self._launched else launch))
                if not selector.select(max(0.0, limit - time.monotonic())):
                    raise self._failed(self._too_slow(end))
                data = os.read(self._process.stdout.fileno(), 1 << 16)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        if self._process.wait() != 0:
            raise self._failed(self._told())

    def _hear(self, message: dict[str, Any]) -> None:
        self._heard = time.monotonic()
        self._launched = self._launched or "launched" in message
        self.apart = self.apart or "apart" in message
        if "error" in message:
            self._error = message

    def _failed(self, cause: DroverError) -> Exception:
        return cause if self._launched else NotLaunchedError(cause)

    def _too_slow(self, end: float) -> DroverError:
        if not self._launched:
            return RetryableError(
                f"libguestfs' appliance, which reads the files of {self._what}, did not start in time.",
                remedy="Try again; if it happens again, run libguestfs-test-tool on this worker.",
            )
        why = "took too long" if time.monotonic() >= end else "stood still"
        return RetryableError(
            f"Reading the files of {self._what} {why} and was ended.",
            remedy="Try again; if it happens again, check the filesystem in the guest.",
        )

    def _told(self) -> DroverError:
        error = self._error
        if error is None:
            self._log.seek(0)
            last = self._log.read()[-_LOG_SHOWN:].decode("utf-8", "replace").strip().splitlines()[-1:]
            error = {"error": f"its process ended by itself: {' '.join(last) or 'it was killed'}"}
        if "remedy" in error:
            return OperatorNeededError(error["error"], remedy=error["remedy"])
        message = f"The files of {self._what} could not be read: {error['error'].rstrip('.')}."
        if "supermin" in message:
            return OperatorNeededError(
                message,
                remedy="Install a kernel on this worker, or set SUPERMIN_KERNEL; libguestfs-test-tool says more.",
            )
        return RetryableError(message, remedy="Try again; libguestfs-test-tool on this worker says more.")


@contextmanager
def reader(environment: Mapping[str, str], what: str) -> Iterator[Reader]:
    """A process that reads, with its appliance in its own process group; all of it is gone afterwards."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "drover.guest.reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=dict(environment),
            start_new_session=True,
        )
        try:
            yield Reader(process, log, what)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(BrokenPipeError):
                        stream.close()
