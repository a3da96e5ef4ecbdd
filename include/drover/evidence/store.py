"""Where a run keeps what it proved: one folder a machine, with records, small JSON files and what steps put there.

Layout:
    <root>/<wave>/<run>/.run.json                 which run this is
    <root>/<wave>/<run>/<machine>/records.jsonl   the record chain (drover.evidence.chain)
                                  store.json      which machine this is
                                  progress.json   how far the step under way is; no evidence
    <root>/.waves/named/<wave>/<run>.json         the wave file as that run read it
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from os import PathLike, fspath, fsync
from pathlib import Path
from typing import Any

from drover import __version__
from drover.errors import CorruptionError
from drover.evidence.chain import Chain, Outcome, Record, encode, read_chain
from drover.evidence.files import inside, locked, safe_name, sync_folder, write_atomically, write_durably
from drover.evidence.secrets import refuse_secrets
from drover.model import Progress, to_json

RECORDS = "records.jsonl"
PROGRESS = "progress.json"
MACHINE = "store.json"
RUN = ".run.json"  # no machine's folder can have this name
LOCK = ".lock"
WAVES = ".waves"
# Among the facts of a record: files of the machine's folder, by their path in it, each with its SHA-256.
PROOFS = "proofs"
_PROGRESS_EVERY = 0.2
_DEFAULT_ROOT = "/var/lib/drover/store"


def default_root() -> Path:
    """The folder of all evidence: DROVER_STORE in the environment, or where a deployment keeps it."""
    return Path(os.environ.get("DROVER_STORE") or _DEFAULT_ROOT)


def wave_as_read(root: Path, wave: str, run: str) -> Path:
    """Where the wave file lies as the run read it; it may have been changed since."""
    return root / WAVES / "named" / safe_name(wave) / f"{safe_name(run)}.json"


class RunStore:
    """The evidence of one run of a wave.

    :param root: the folder of all evidence. :param run: Airflow's run id, or any text.
    """

    def __init__(self, root: Path, wave: str, run: str) -> None:
        self.wave = wave
        self.run = run
        self.folder = root / safe_name(wave) / safe_name(run)

    @classmethod
    def at(cls, folder: Path) -> "RunStore":
        """The run whose folder this is. :raises FileNotFoundError: it is none."""
        known = json.loads((folder / RUN).read_text())
        store = cls(folder.parent.parent, known["wave"], known["run"])
        store.folder = folder
        return store

    def machine(self, name: str) -> "MachineStore":
        return MachineStore(self, name)

    def machines(self) -> list["MachineStore"]:
        """Every machine that something was kept of, by name."""
        found = (json.loads(file.read_text())["machine"] for file in self.folder.glob(f"*/{MACHINE}"))
        return [self.machine(name) for name in sorted(found)]


class MachineStore:
    """The evidence of one machine in one run. Any number of threads and processes may use the same one."""

    def __init__(self, run: RunStore, name: str) -> None:
        self.run = run
        self.name = name
        self.folder = run.folder / safe_name(name)
        self._progress_due = 0.0

    def path(self, *parts: str) -> Path:
        """A path of a step's own; its folder exists afterwards."""
        self._make()
        path = inside(self.folder, *parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    # Records

    def record(
        self,
        step: str,
        outcome: Outcome,
        facts: Mapping[str, Any],
        started: float | None = None,
        attempt: int | None = None,
    ) -> Record:
        """Adds one record, on the disk when this returns.

        :param started: when the step began, seconds since the epoch; None for now.
        :param attempt: None counts the ended attempts that stand in the records.
        :raises OperatorNeededError: the facts hold what looks like a secret.
        :raises CorruptionError: the records before this one were altered.
        """
        plain = _plain(dict(facts), f"the facts of step '{step}'")
        now = time.time()
        self._make()
        with locked(self.folder / LOCK):
            chain = self._chain()
            record = Record(
                sequence=len(chain.records) + 1,
                time=_utc(now),
                machine=self.name,
                step=step,
                attempt=attempt or 1 + sum(r.step == step and r.outcome != "info" for r in chain.records),
                outcome=outcome,
                facts=plain,
                started=_utc(now if started is None else started),
                drover=__version__,
                previous=chain.head,
                repaired=chain.torn,
            )
            self._append(chain, encode(record))
        return record

    def records(self) -> list[Record]:
        """All records, oldest first. :raises CorruptionError: they were altered."""
        return list(self._chain().records)

    def last(self, step: str, outcome: Outcome | None = None) -> Record | None:
        """The newest record of a step, or of a step with this outcome.

        Without an outcome `info` records are passed over: they do not say how the step ended.
        """
        wanted = ("passed", "failed") if outcome is None else (outcome,)
        return next((r for r in reversed(self.records()) if r.step == step and r.outcome in wanted), None)

    @property
    def head(self) -> str:
        """The digest of the last record's line. :raises CorruptionError: the records were altered."""
        return self._chain().head

    # Small files

    def write_json(self, name: str, value: Any) -> None:
        """:raises OperatorNeededError: the value holds what looks like a secret."""
        plain = _plain(value, f"'{name}'")
        write_durably(self.path(name), json.dumps(plain, ensure_ascii=False, indent=2).encode())

    def read_json(self, name: str) -> Any:
        """What `write_json` wrote, or None where it never did. :raises CorruptionError: it cannot be read."""
        path = inside(self.folder, name)
        try:
            return json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            raise CorruptionError(
                f"The file {path} cannot be read as JSON.",
                remedy="Something other than Drover wrote it; keep it for whoever looks into it, and start a new run.",
            ) from None

    def progress(self, progress: Progress) -> None:
        """Keeps how far a step is, a few times a second at most; the last word (`done == total`) always."""
        now = time.monotonic()
        if now < self._progress_due and progress.done < progress.total:
            return
        self._progress_due = now + _PROGRESS_EVERY
        self._make()
        write_atomically(self.folder / PROGRESS, json.dumps(asdict(progress)).encode())

    def read_progress(self) -> Progress | None:
        found = self.read_json(PROGRESS)
        return None if found is None else Progress(**found)

    # Inside

    def _make(self) -> None:
        for path, known in (
            (self.run.folder / RUN, {"wave": self.run.wave, "run": self.run.run}),
            (self.folder / MACHINE, {"machine": self.name}),
        ):
            if not path.exists():
                write_durably(path, json.dumps(known, ensure_ascii=False).encode())

    def _chain(self) -> Chain:
        path = self.folder / RECORDS
        try:
            chain = read_chain(path.read_bytes())
        except FileNotFoundError:
            chain = read_chain(b"")
        if chain.problems:
            raise CorruptionError(
                f"The records of machine '{self.name}' in {path} were altered: {chain.problems[0]}",
                remedy="Nothing may be built on them; keep the folder for whoever looks into it and run the wave anew.",
            )
        return chain

    def _append(self, chain: Chain, line: bytes) -> None:
        """Cuts what a killed writer left unfinished, then adds one line; a kill in here leaves good lines alone."""
        path = self.folder / RECORDS
        with open(path, "r+b" if path.exists() else "w+b") as file:
            file.truncate(chain.whole)
            file.seek(chain.whole)
            if chain.whole and not _ends_line(path, chain.whole):
                line = b"\n" + line
            file.write(line)
            file.flush()
            fsync(file.fileno())
        if len(chain.records) == 0:
            sync_folder(self.folder)


def _ends_line(path: Path, whole: int) -> bool:
    with open(path, "rb") as file:
        file.seek(whole - 1)
        return file.read(1) == b"\n"


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _plain(value: Any, where: str) -> Any:
    """The value as JSON gives it back, free of secrets."""
    plain = json.loads(json.dumps(value, default=_other, allow_nan=False))
    refuse_secrets(plain, where)
    return plain


def _other(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return to_json(value)
    if isinstance(value, PathLike):
        return fspath(value)
    raise TypeError(f"{type(value).__name__} cannot be kept as evidence")
