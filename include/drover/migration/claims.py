"""One move at a time for each machine: whoever changes it first claims it until the commit or the rollback.

Two waves may name one machine, a wave may be run again while an older run of it was never taken back, and a machine
may be moved by hand meanwhile. The claim says which run must be ended before another may begin.
"""

import json
import logging
import os
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from drover.errors import CorruptionError, OperatorNeededError
from drover.evidence.files import safe_name, sync_folder, write_durably
from drover.migration.move import Move

# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".claims"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds a machine. :param uuid: the machine's, at its source."""

    wave: str
    run: str
    machine: str
    uuid: str

    @property
    def words(self) -> str:
        return f"by wave '{self.wave}' in run {self.run}"


def claim(move: Move) -> None:
    """:raises OperatorNeededError: another run holds the machine, or this one is a rehearsal, which changes nothing."""
    if move.wave.mode == "rehearsal":
        raise OperatorNeededError(
            f"Machine '{move.name}' is only rehearsed in this run, so nothing of it is changed.",
            remedy="Trigger the wave itself to move it.",
        )
    path = _path(move)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    write_durably(draft, json.dumps(asdict(_mine(move))).encode())
    try:
        # Whoever held it may let go of it between the two looks.
        while holder(move) != _mine(move):
            refuse_foreign(move)
            with suppress(FileExistsError):
                os.link(draft, path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def refuse_foreign(move: Move) -> None:
    """:raises OperatorNeededError: another run holds the machine."""
    other = foreign(move)
    if other is not None:
        raise OperatorNeededError(
            f"Machine '{move.name}' is being moved {other.words}, which was neither committed nor rolled back.",
            remedy="Let that run end, or take it back with the DAG 'rollback'.",
        )


def foreign(move: Move) -> Claim | None:
    """The claim of another run on this machine, or None."""
    found = holder(move)
    return None if found == _mine(move) else found


def holder(move: Move) -> Claim | None:
    """Whose run has the machine on its way; None where it is on no way."""
    return _read(_path(move))


def release(move: Move) -> None:
    """Gives the machine free; does nothing where another run holds it or nobody does."""
    if _read(_path(move)) == _mine(move):
        _path(move).unlink()


def held(root: Path) -> list[Claim]:
    """Every machine that is on its way, by name; one listing and a few small files."""
    found = (_of_file(path) for path in (root / FOLDER).glob("*.json"))
    return sorted((claim for claim in found if claim), key=lambda claim: (claim.wave, claim.run, claim.machine))


def _of_file(path: Path) -> Claim | None:
    try:
        return _read(path)
    except CorruptionError as error:
        log.warning("%s", error)
        return None


def _mine(move: Move) -> Claim:
    return Claim(move.wave.wave, move.run, move.name, move.machine.uuid)


def _read(path: Path) -> Claim | None:
    """:raises CorruptionError: someone holds the machine, and nobody can tell who."""
    try:
        return Claim(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise CorruptionError(
            f"The claim {path} cannot be read.",
            remedy="Something other than Drover wrote it; find out which run moves this machine, then remove it.",
        ) from None


def _path(move: Move) -> Path:
    return move.root / FOLDER / f"{safe_name(move.machine.uuid)}.json"
