"""One worker at a machine at a time: a retry, a rollback or a sweep waits until the one before it is really gone.

Airflow may call a task dead while its process still runs for some seconds. The lock is the kernel's, so a killed
worker lets go of it by being dead, and nothing has to be cleaned up.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drover.evidence.files import safe_name
from drover.migration.claims import FOLDER
from drover.migration.move import Move

log = logging.getLogger(__name__)


@contextmanager
def alone(move: Move) -> Iterator[None]:
    """Returns when nobody else works at this machine, in whatever run. Inside itself it does nothing more."""
    if move.alone or move.store.read_json("machine.json") is None:
        # Which machine it is will only be known when it was looked at, which changes nothing.
        yield
        return
    path = _path(move.root, move.machine.uuid)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not _taken(file.fileno()):
            log.info("%s: another task still works at this machine; waiting for its end.", move.name)
            fcntl.flock(file, fcntl.LOCK_EX)
        move.alone = True
        try:
            yield
        finally:
            move.alone = False


def busy(root: Path, uuid: str) -> bool:
    """Whether someone works at the machine now."""
    try:
        file = os.open(_path(root, uuid), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _taken(file)
    finally:
        os.close(file)


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _path(root: Path, uuid: str) -> Path:
    return root / FOLDER / f"{safe_name(uuid)}.lock"
