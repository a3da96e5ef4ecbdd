"""The wave's bandwidth, shared by all machines of a run that move at the same moment.

Each copy holds a lock file while it runs and takes the limit divided by the number of copies, looked at every second.
The locks are the kernel's: a killed copy lets go of its share by being dead. A live move is the hosts' own and has no
process here, so a plain file stands for it until it ends; its share is fixed when it starts.
"""

import fcntl
import logging
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drover.blocks.throttle import Throttle
from drover.evidence.files import safe_name, write_atomically
from drover.migration.move import Move

# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".bandwidth"

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_COPY, _LIVE, _SHARE = ".copy", ".live", ".share"


@contextmanager
def shared(move: Move) -> Iterator[Throttle]:
    """This copy's share of the wave's bandwidth, while the context lasts."""
    folder = _folder(move)
    name = f"{move.plan.key}.{uuid.uuid4().hex}"
    control = folder / f"{name}{_SHARE}"
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(_LOOK_SECONDS):
            _write_share(move, control)

    with _held(folder / f"{name}{_COPY}"):
        keeper = threading.Thread(target=keep, name="bandwidth", daemon=True)
        try:
            _write_share(move, control)
            keeper.start()
            yield Throttle(control=control)
        finally:
            ended.set()
            if keeper.ident is not None:
                keeper.join()
            control.unlink(missing_ok=True)


def begin_live(move: Move) -> int | None:
    """Bytes a second for a live move that starts now; None for no limit."""
    marker = _live_marker(move)
    marker.touch()
    return _share(move)


def end_live(move: Move) -> None:
    _live_marker(move).unlink(missing_ok=True)


def limit(move: Move) -> int | None:
    """What the whole run may use now: the wave's, or what someone wrote into `<store>/<wave>/<run>/bandwidth`.

    That is a number of bytes a second; `0` or `none` lifts the limit.
    """
    path = move.store.run.folder / "bandwidth"
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return move.wave.bandwidth
    if text.lower() in ("0", "none"):
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    log.warning("The bandwidth in %s is not a number of bytes a second: %.60r.", path, text)
    return move.wave.bandwidth


def _share(move: Move) -> int | None:
    whole = limit(move)
    return None if whole is None else max(1, whole // max(1, _sharing(_folder(move))))


def _write_share(move: Move, control: Path) -> None:
    share = _share(move)
    write_atomically(control, ("none" if share is None else str(share)).encode())


def _sharing(folder: Path) -> int:
    """How many move now. What dead copies left is removed."""
    return sum(_alive(path) for path in folder.glob(f"*{_COPY}")) + sum(1 for _ in folder.glob(f"*{_LIVE}"))


def _alive(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        for left in (path, path.with_suffix(_SHARE)):
            left.unlink(missing_ok=True)
        return False
    finally:
        os.close(file)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """A lock file that is there and locked."""
    while True:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is(path, file.fileno()):
                continue  # between the two another copy took it for a dead one's
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _is(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _live_marker(move: Move) -> Path:
    return _folder(move) / f"{move.plan.key}{_LIVE}"


def _folder(move: Move) -> Path:
    folder = move.root / FOLDER / safe_name(move.wave.wave) / safe_name(move.run)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
