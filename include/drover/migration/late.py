"""A source that was asked to shut down, did not in time, and runs on: its guest may obey long after the rollback.

An order to a guest cannot be called back. A mark in the store tells the sweep, which looks at the machine for a while
and starts it again once it is off.
"""

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from drover.evidence.files import safe_name, write_durably
from drover.migration import intents
from drover.migration.claims import Claim
from drover.migration.intents import Intent
from drover.migration.move import Move

# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".late"
# Seconds. Updates and databases take their time; a guest that still runs after that has dropped the order.
WATCH_SECONDS = 2 * 3600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark(Claim):
    """An order to shut down that may still be obeyed. :param asked: :param until: seconds since the epoch."""

    asked: float
    until: float

    @property
    def words(self) -> str:
        return (
            f"it was asked to shut down at {clock(self.asked)} and had not by then; "
            f"if it goes off before {clock(self.until)}, the DAG 'sweep' starts it again"
        )


def mark(move: Move) -> None:
    """A store that is full keeps no machine from coming back."""
    asked = intents.declared(move.store, Intent.SOURCE_DOWN) or time.time()
    until = time.time() + WATCH_SECONDS
    path = _path(move)
    found = Mark(move.wave.wave, move.run, move.name, move.machine.uuid, asked, until)
    log.warning("%s: %s.", move.name, found.words)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, json.dumps(asdict(found)).encode())
    except OSError as error:
        log.error("%s: its late shutdown cannot be written down, so no sweep looks after it: %s", path, error)


def of(move: Move) -> Mark | None:
    """The order that this run gave, as long as somebody looks after it."""
    if move.store.read_json("machine.json") is None:
        return None
    found = _read(_path(move))
    mine = (move.wave.wave, move.run, move.name)
    return found if found is not None and (found.wave, found.run, found.machine) == mine else None


def forget(move: Move) -> None:
    """It went off, or whoever moves the machine from here on brings it back himself. Whichever run had given it."""
    _path(move).unlink(missing_ok=True)


def marked(root: Path) -> list[Claim]:
    """Every machine that somebody must look after, by wave and run."""
    found = [Claim(mark.wave, mark.run, mark.machine, mark.uuid) for mark in _all(root)]
    return sorted(found, key=lambda claim: (claim.wave, claim.run, claim.machine))


def _all(root: Path) -> Iterator[Mark]:
    for path in (root / FOLDER).glob("*.json"):
        if (mark := _read(path)) is not None:
            yield mark


def _read(path: Path) -> Mark | None:
    try:
        return Mark(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        log.warning("The mark %s cannot be read; look whether its machine runs at its source, then remove it.", path)
        return None


def clock(moment: float) -> str:
    """A moment, seconds since the epoch, as people read it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _path(move: Move) -> Path:
    return move.root / FOLDER / f"{safe_name(move.machine.uuid)}.json"
