"""How long backups are kept, and their removal: in two steps, so that a kill leaves one whole or clearly gone.

What cannot be read is kept and told. A backup goes only where its own seal says for how long it is kept, its machine
was committed for that long, and something else of the machine is left.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from drover.backups import seal
from drover.backups.objects import ObjectShelf, open_objects
from drover.backups.seal import SEAL, Facts
from drover.backups.shelf import FolderShelf, Shelf
from drover.errors import CorruptionError, DroverError
from drover.evidence.store import MachineStore, RunStore
from drover.migration import claims, intents
from drover.migration.alone import busy
from drover.migration.intents import Intent

# Holds the seal while the backup is removed.
REMOVING = "removing.json"
_DEPTH = 3  # wave, run, machine
_AT_WORK = "a task works at its machine now"


class Fate(StrEnum):
    KEPT = "kept"
    DUE = "due"
    GONE = "being removed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Found:
    """One backup. :param of: whose it is, in its seal's words. :param why: it is kept, or what cannot be told of it."""

    shelf: Shelf
    fate: Fate
    of: Facts
    why: str


def look(place: str, root: Path, now: float | None = None) -> list[Found]:
    """Every backup of a folder or an object store. :param root: of the evidence."""
    return [_judge(shelf, root, time.time() if now is None else now) for shelf in _shelves(place)]


def prune(place: str, root: Path, now: float | None = None) -> list[Found]:
    """Removes what is due, and the rest of what a killed try began to remove; returns everything, as it was found."""
    return [_prune(shelf, root, time.time() if now is None else now) for shelf in _shelves(place)]


def _prune(shelf: Shelf, root: Path, now: float) -> Found:
    """Each is judged right before: while others were removed, somebody may have begun to build on it."""
    one = _judge(shelf, root, now)
    if one.fate in (Fate.DUE, Fate.GONE):
        _remove(shelf)
    elif one.fate is Fate.KEPT and shelf.finished():
        # A try that was killed before anything was gone; meanwhile there may be a reason to keep it.
        shelf.remove(REMOVING)
    return one


def _shelves(place: str) -> Iterator[Shelf]:
    if "://" not in place:
        top = Path(place)
        marks = (path for name in (SEAL, REMOVING) for path in top.glob(f"*/*/*/{name}"))
        for folder in sorted({path.parent for path in marks}):
            yield FolderShelf(folder)
        return
    objects = open_objects(place)
    parts = (key.split("/") for key in objects.keys())  # noqa: SIM118  it is no dict
    for names in sorted({tuple(p[:_DEPTH]) for p in parts if len(p) == _DEPTH + 1 and p[-1] in (SEAL, REMOVING)}):
        yield ObjectShelf(objects, *names)


def _judge(shelf: Shelf, root: Path, now: float) -> Found:
    try:
        facts = shelf.seal()
        if facts is None:
            return _begun(shelf, root)
    except CorruptionError as error:
        return Found(shelf, Fate.UNKNOWN, {}, error.message)
    except OSError as error:
        return Found(shelf, Fate.UNKNOWN, {}, f"its seal cannot be read: {error.strerror}")
    of: Facts = facts.get("of") or {}
    try:
        why = _reason(of, root, now)
    except (DroverError, KeyError, TypeError, ValueError) as error:
        return Found(shelf, Fate.UNKNOWN, of, f"nobody can tell what became of its machine: {error}")
    return Found(shelf, Fate.DUE, of, "") if why is None else Found(shelf, Fate.KEPT, of, why)


def _begun(shelf: Shelf, root: Path) -> Found:
    of: Facts = _removing(shelf).get("of") or {}
    if busy(root, str(of.get("uuid", ""))):
        # Its backup may be made anew there this very moment.
        return Found(shelf, Fate.KEPT, of, f"its removal was begun, and {_AT_WORK}")
    return Found(shelf, Fate.GONE, of, "its removal was begun")


def _reason(of: Facts, root: Path, now: float) -> str | None:
    """Why the backup is kept; None where it may go."""
    if of["taken_along"]:
        return "it is all that stayed behind of a machine that its platform took along"
    if of["keep_seconds"] is None:
        return "its wave does not say for how long"
    store = RunStore(root, of["wave"], of["run"]).machine(of["machine"])
    since = _committed(store) or _rehearsed(store)
    if since is None:
        return "its machine was not committed in its run"
    if any(claim.uuid == of["uuid"] for claim in claims.held(root)):
        return "its machine is on its way"
    gone = store.last("decommission", "passed")
    if gone is None and intents.declared(store, Intent.RETIRING):
        return "the source of its machine is being removed"
    if busy(root, of["uuid"]):
        return _AT_WORK
    if gone is not None:
        since = max(since, _seconds(gone.time))
    until = since + float(of["keep_seconds"])
    if now < until:
        what = "decommission" if gone is not None else "commit"
        return f"its time is over on {datetime.fromtimestamp(until, UTC):%Y-%m-%d %H:%M} UTC, counted from the {what}"
    return None


def _committed(store: MachineStore) -> float | None:
    commit, back = store.last("commit", "passed"), store.last("rollback", "passed")
    if commit is None or (back is not None and back.sequence > commit.sequence):
        return None
    return _seconds(commit.time)


def _rehearsed(store: MachineStore) -> float | None:
    """A rehearsal changes nothing at the source, so nothing depends on its backup."""
    rehearsal = store.last("rehearsal")
    return _seconds(rehearsal.time) if rehearsal and not intents.declared(store, Intent.BEGUN) else None


def _seconds(time_: str) -> float:
    return datetime.fromisoformat(time_).timestamp()


def _removing(shelf: Shelf) -> Facts:
    data = shelf.read(REMOVING)
    return {} if data is None else seal.parse(data, f"{shelf.label}/{REMOVING}")


def _remove(shelf: Shelf) -> None:
    """First its seal goes, and with it the backup; then what it spoke of, which is kept in another file until then."""
    sealed = shelf.read(SEAL)
    if sealed is not None:
        shelf.write(REMOVING, sealed)
        shelf.remove(SEAL)
    for name in _removing(shelf).get("files", {}):
        shelf.remove(name)
    shelf.remove(REMOVING)
    shelf.tidy()
