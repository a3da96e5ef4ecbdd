"""Running commands, and knowing a process again: a pid alone may be somebody else's by now."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from drover.errors import OperatorNeededError, RetryableError


def run(
    command: Sequence[str],
    *,
    stdin: str | bytes | None = None,
    check: bool = True,
    timeout: float | None = 300.0,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command to its end, its output kept.

    :param timeout: seconds.
    :param environment: variables set in addition to ours.
    :raises OperatorNeededError: it is not installed, took too long, or failed (unless `check` is false).
    """
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        result = subprocess.run(
            list(command),
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            check=False,
        )
    except FileNotFoundError:
        raise OperatorNeededError(
            f"The command '{command[0]}' is not installed.",
            remedy="Run './drover setup', which installs what the lab needs.",
        ) from None
    except subprocess.TimeoutExpired:
        raise OperatorNeededError(
            f"The command '{' '.join(command)}' did not end within {timeout:g} s.",
            remedy="See whether the machine is overloaded, then try again.",
        ) from None
    if check and result.returncode != 0:
        complaint = result.stderr.decode(errors="replace").strip() or f"exit code {result.returncode}"
        raise OperatorNeededError(
            f"The command '{' '.join(command)}' failed: {complaint}",
            remedy="Mend what it complains of, then try again.",
        )
    return result


def output(command: Sequence[str], **options: float) -> str:
    """What a command prints, as text. Raises as `run` does."""
    return run(command, timeout=options.get("timeout", 300.0)).stdout.decode()


def wait_until(what: str, ready: Callable[[], bool], *, deadline: float, interval: float = 0.2) -> None:
    """Asks until the answer is yes.

    :param deadline: seconds from now. :param interval: seconds between two questions.
    :raises RetryableError: it is not so at the deadline.
    """
    end = time.monotonic() + deadline
    while not ready():
        if time.monotonic() >= end:
            raise RetryableError(
                f"Waited {deadline:g} s in vain: {what}.", remedy="See what the lab's hosts logged, then run it again."
            )
        time.sleep(interval)


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file so that a reader, or a crash, sees the old one or the new one and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.chmod(mode)
    os.replace(draft, path)


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since the machine's boot; None where there is none, or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def boot_id() -> str:
    """Changes with every boot of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process that we started, so that it is known again. :param started: clock ticks since the boot `boot`."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "ProcessRecord | None":
        started = start_time(pid)
        return None if started is None else cls(pid, started, boot_id())

    @classmethod
    def load(cls, path: Path) -> "ProcessRecord | None":
        """The record in a file; None where there is none, or where it is of another shape."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, json.JSONDecodeError, TypeError):
            return None

    def save(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self)))

    def alive(self) -> bool:
        return self.boot == boot_id() and start_time(self.pid) == self.started

    def children(self) -> "tuple[ProcessRecord, ...]":
        """The processes that its main thread started and that still run."""
        try:
            pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            return ()
        found = (ProcessRecord.of(int(pid)) for pid in pids)
        return tuple(record for record in found if record) if self.alive() else ()

    def kill(self, deadline: float = 20.0) -> None:
        """Ends it, if it is still the same process, and waits until it is gone.

        A pidfd stands for the process itself: between looking and killing the pid cannot become another's.

        :param deadline: seconds.
        """
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
        wait_until(f"process {self.pid} ends", lambda: not self.alive(), deadline=deadline, interval=0.05)
