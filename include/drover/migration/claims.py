"""One move at a time for each machine: whoever changes it first claims it until the commit or the rollback.

Two waves may name one machine, a wave may be run again while an older run of it was never taken back, and a machine
may be moved by hand meanwhile. The claim says which run must be ended before another may begin.
"""

import json
import os
from pathlib import Path

from drover.errors import OperatorNeededError
from drover.evidence.files import safe_name, sync_folder
from drover.migration.move import Move

# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".claims"


def claim(move: Move) -> None:
    """:raises OperatorNeededError: another run holds the machine."""
    path = _path(move)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(_mine(move)))
    try:
        os.link(draft, path)
        sync_folder(path.parent)
    except FileExistsError:
        refuse_foreign(move)
    finally:
        draft.unlink()


def refuse_foreign(move: Move) -> None:
    """:raises OperatorNeededError: another run holds the machine."""
    holder = _holder(move)
    if holder is not None and holder != _mine(move):
        raise OperatorNeededError(
            f"Machine '{move.name}' is being moved by wave '{holder['wave']}' in run {holder['run']}, "
            "which was neither committed nor rolled back.",
            remedy="Let that run end, or run its rollback task for this machine again.",
        )


def release(move: Move) -> None:
    """Gives the machine free; does nothing where another run holds it or nobody does."""
    if _holder(move) == _mine(move):
        _path(move).unlink()


def _mine(move: Move) -> dict[str, str]:
    return {"wave": move.wave.wave, "run": move.run, "machine": move.name}


def _holder(move: Move) -> dict[str, str] | None:
    try:
        found: dict[str, str] = json.loads(_path(move).read_text())
    except FileNotFoundError:
        return None
    return found


def _path(move: Move) -> Path:
    return move.root / FOLDER / f"{safe_name(move.machine.uuid)}.json"
