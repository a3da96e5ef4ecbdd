"""The wave's `limits`: how many machines are backed up or moved at once per host, storage pool and link.

A place is taken in all of them or in none, by a small file that lists them. Its lock is the kernel's: a killed task
gives its places back by being dead. A live move is the hosts' own and has no process here, so a plain file stands for
it as long as its machine is claimed. Every move takes its places, also one without limits: others count it.
"""

import fcntl
import json
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drover.evidence.files import locked, safe_name, write_atomically
from drover.migration import claims, intents
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.waves import limits

# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".slots"

_HELD, _LIVE = ".held", ".live"


@dataclass(slots=True)
class Turn:
    """:param full: the places that have no room now, with who is there, in words; empty when it is this one's turn.

    :param wanted: how many each place takes at most; what a waiting task asks again with.
    """

    full: tuple[str, ...]
    wanted: Mapping[str, int]
    stays: bool = False

    def stay(self) -> None:
        """The move goes on without this process; `leave` ends it."""
        self.stays = True


@contextmanager
def turn(move: Move, step: str) -> Iterator[Turn]:
    """Takes the places of this step while the context lasts, or says which are full.

    A machine that has begun does not wait: its source may be off.
    """
    places = _places(move, step)
    wanted = {place: most for place in places if (most := limits.most(move.wave, place)) is not None}
    folder = move.root / FOLDER
    path = folder / f"{safe_name(move.name)}.{uuid.uuid4().hex}{_HELD}"
    with locked(folder / ".lock"):
        begun = intents.declared(move.store, Intent.BEGUN) is not None
        full = () if begun else _full(move.root, wanted, _mine(move))
        held = None if full else _hold(path, _mine(move), places)
    if held is None:
        yield Turn(full, wanted)
        return
    result = Turn((), wanted)
    try:
        yield result
        if result.stays:
            write_atomically(_live(move), _text(_mine(move), places))
    finally:
        path.unlink(missing_ok=True)
        os.close(held)


def leave(move: Move) -> None:
    """A live move is over."""
    _live(move).unlink(missing_ok=True)


def full_places(root: Path, wanted: Mapping[str, int], mine: Sequence[str]) -> tuple[str, ...]:
    """What is full now, in words. :param mine: the move that asks, which does not stand in its own way."""
    # Without the lock a file that is just being taken would look like a dead one's.
    with locked(root / FOLDER / ".lock"):
        return _full(root, wanted, mine)


def _full(root: Path, wanted: Mapping[str, int], mine: Sequence[str]) -> tuple[str, ...]:
    there: dict[str, list[str]] = {}
    for who, places in _holders(root):
        if who != list(mine):
            for place in places:
                there.setdefault(place, []).append(f"'{who[2]}' of wave '{who[0]}'")
    return tuple(
        f"{place}: {', '.join(sorted(Counter(there[place])))} (at most {most} at once)"
        for place, most in wanted.items()
        if len(there.get(place, ())) >= most
    )


def _places(move: Move, step: str) -> tuple[str, ...]:
    machine = move.machine
    pools = [disk.pool for disk in machine.disks if disk.pool]
    # The target is not needed for a backup, and may be away.
    there = _target_host(move) if step == "transfer" else ""
    return limits.places(move.wave, move.plan, step, machine.host, there, pools)


def _target_host(move: Move) -> str:
    """By its own name, so that waves that leave it and waves that come to it mean the same one."""
    named = move.wave.mappings_of(move.plan).host
    if named is not None:
        return named
    hosts = move.target.hosts()
    return hosts[0].name if len(hosts) == 1 else move.target.host().name


def _holders(root: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Who holds which places; what dead tasks left is removed."""
    claimed = {(claim.wave, claim.run, claim.machine) for claim in claims.held(root)}
    for path in sorted((root / FOLDER).glob(f"*{_HELD}")):
        if (found := _alive(path)) is not None:
            yield found
    for path in sorted((root / FOLDER).glob(f"*{_LIVE}")):
        found = _read(path)
        if found is not None and tuple(found[0]) in claimed:
            yield found
        else:
            path.unlink(missing_ok=True)


def _alive(path: Path) -> tuple[list[str], list[str]] | None:
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(path)
    else:
        path.unlink(missing_ok=True)
        return None
    finally:
        os.close(file)


def _hold(path: Path, mine: Sequence[str], places: Sequence[str]) -> int:
    """The file under its lock; nobody looks at it before, as the folder's lock is held."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.write(file, _text(mine, places))
    return file


def _read(path: Path) -> tuple[list[str], list[str]] | None:
    """None where a killed task had not written it to the end."""
    try:
        value = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return value["who"], value["places"]


def _text(mine: Sequence[str], places: Sequence[str]) -> bytes:
    return json.dumps({"who": list(mine), "places": list(places)}).encode()


def _mine(move: Move) -> tuple[str, str, str]:
    return (move.wave.wave, move.run, move.name)


def _live(move: Move) -> Path:
    return move.root / FOLDER / f"{safe_name(move.machine.uuid)}{_LIVE}"
