"""Processes that the demo starts, each in a session of its own, so that it can end them with all that they started.

A task of Airflow leaves its parent's process group, but never its session. So a session is what is ended: also the one
of a demo that was killed and could not end anything, which the next demo finds by the records in a folder.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from drover_lab.process import ProcessRecord

_BETWEEN_LOOKS = 0.1


class Session:
    """One process and all its descendants. :param record: the file by which a later demo finds it."""

    def __init__(self, leader: ProcessRecord, record: Path, folder: Path) -> None:
        self.leader = leader
        self.record = record
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], *, folder: Path, records: Path, log: Path, env: Mapping[str, str]
    ) -> "Session":
        """:param folder: its working directory, by which what it starts is known again. :param log: its output."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        leader = ProcessRecord.of(process.pid) or ProcessRecord(process.pid, 0, "")
        session = cls(leader, records / f"{name}.json", folder)
        session.process = process
        leader.save(session.record)
        return session

    @classmethod
    def left(cls, records: Path, folder: Path) -> "list[Session]":
        """What a killed demo left running."""
        found = ((path, ProcessRecord.load(path)) for path in sorted(records.glob("*.json")))
        return [cls(record, path, folder) for path, record in found if record]

    @property
    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None

    def members(self) -> list[int]:
        """Process ids of the session that are certainly ours: its leader, and those that work in our folder."""
        if self.process:
            self.process.poll()  # a zombie is no member
        return [pid for pid in _of_session(self.leader.pid) if self._is_ours(pid)]

    def _is_ours(self, pid: int) -> bool:
        if self.leader.alive():
            return True
        # The leader is gone, and its number may be another's by now.
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cwd").resolve().is_relative_to(self.folder)
        return False


def end(sessions: Iterable[Session], deadline: float = 15.0) -> None:
    """Ends them all: asks the leaders, then what is left, then forces it. :param deadline: seconds a step."""
    remaining = list(sessions)
    for session in remaining:
        if session.leader.alive():
            _signal([session.leader.pid], signal.SIGTERM)
    _await(lambda: any(session.members() for session in remaining), deadline)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for session in remaining:
            _signal(session.members(), number)
        _await(lambda: any(session.members() for session in remaining), deadline)
    for session in remaining:
        if session.process:
            session.process.wait(timeout=deadline)
        session.record.unlink(missing_ok=True)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _await(still: Callable[[], bool], deadline: float) -> None:
    end_at = time.monotonic() + deadline
    while still() and time.monotonic() < end_at:
        time.sleep(_BETWEEN_LOOKS)


def _of_session(session: int) -> list[int]:
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{entry.name}/stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z" and int(fields[3]) == session:
                found.append(int(entry.name))
    return found
