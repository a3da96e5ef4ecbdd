"""Who waits for room, and since when: whoever waits longest comes first, so that one that needs many places gets them.

A small file stands for each of them. It counts as long as somebody renews it, which the waiting task's trigger does at
each look: a task that was ended stands in nobody's way.
"""

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from drover.evidence.files import write_atomically

# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".slots"
# Seconds. A task that is resumed needs some of them until a worker has it and it takes its places.
STALE_SECONDS = 120.0
_FORGOTTEN_SECONDS = 7 * 86400.0
_WAITS = ".waits"


@dataclass(frozen=True, slots=True)
class Waiting:
    """:param who: wave, run and machine. :param places: that it will take. :param since: seconds since the epoch.

    :param full: what had no room at the last look, with who was there, in words.
    """

    who: tuple[str, ...]
    step: str
    places: tuple[str, ...]
    since: float
    full: tuple[str, ...]


def stand(root: Path, who: Sequence[str], step: str, places: Sequence[str], full: Sequence[str]) -> None:
    """Waits from now on, or still does."""
    before = of(root, who)
    since = before.since if before is not None and before.step == step else time.time()
    _write(root, Waiting(tuple(who), step, tuple(places), since, tuple(full)))


def renew(root: Path, who: Sequence[str], full: Sequence[str]) -> None:
    """It was looked for room once more. Does nothing for one that does not stand here."""
    before = of(root, who)
    if before is not None:
        _write(root, Waiting(before.who, before.step, before.places, before.since, tuple(full) or before.full))


def leave(root: Path, who: Sequence[str]) -> Waiting | None:
    """Waits no more; what it waited for, if it did."""
    found = of(root, who)
    _path(root, who).unlink(missing_ok=True)
    return found


def of(root: Path, who: Sequence[str]) -> Waiting | None:
    return _read(_path(root, who))


def waiting(root: Path) -> list[Waiting]:
    """All that wait now, those that wait longest first."""
    found = []
    for path in (root / FOLDER).glob(f"*{_WAITS}"):
        try:
            age = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            continue
        if age > _FORGOTTEN_SECONDS:
            path.unlink(missing_ok=True)
        elif age < STALE_SECONDS and (one := _read(path)) is not None:
            found.append(one)
    return sorted(found, key=lambda one: (one.since, one.who))


def before(root: Path, who: Sequence[str]) -> list[Waiting]:
    """Those that wait longer than this one; all, where it does not wait yet."""
    order = waiting(root)
    mine = next((number for number, one in enumerate(order) if one.who == tuple(who)), len(order))
    return order[:mine]


def _write(root: Path, one: Waiting) -> None:
    write_atomically(_path(root, one.who), json.dumps(asdict(one)).encode())


def _read(path: Path) -> Waiting | None:
    try:
        plain = json.loads(path.read_text())
        return Waiting(
            tuple(plain["who"]), plain["step"], tuple(plain["places"]), float(plain["since"]), tuple(plain["full"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(root: Path, who: Sequence[str]) -> Path:
    return root / FOLDER / f"{hashlib.blake2b(os.fsencode(json.dumps(list(who))), digest_size=16).hexdigest()}{_WAITS}"
