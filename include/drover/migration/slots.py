"""The wave's `limits`: how many machines are backed up or moved at once per host, storage pool and link.

A place is taken in all of them or in none, by a small file that lists them. Its lock is the kernel's: a killed task
gives its places back by being dead. A live move is the hosts' own and has no process here, so a plain file stands for
it as long as its machine is claimed. Every move takes its places, also one without limits: others count it.

Besides the wave's own limits those of the two connections count, which every wave obeys. One that found no room stands
in a queue (`slot_queue`): whoever comes later leaves a place free for it.
"""

import fcntl
import json
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from drover.evidence.files import locked, safe_name, write_atomically
from drover.migration import claims, intents, slot_queue
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.slot_queue import FOLDER, Waiting
from drover.waves import limits

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
    wanted = _wanted(move, places)
    folder = move.root / FOLDER
    path = folder / f"{safe_name(move.name)}.{uuid.uuid4().hex}{_HELD}"
    with locked(folder / ".lock"):
        begun = intents.declared(move.store, Intent.BEGUN) is not None
        full = () if begun else _full(move.root, wanted, _mine(move))
        held = None if full else _hold(path, _mine(move), places)
        if full:
            slot_queue.stand(move.root, _mine(move), step, places, full)
    if held is None:
        yield Turn(full, wanted)
        return
    result = Turn((), wanted)
    try:
        if (waited := slot_queue.leave(move.root, _mine(move))) is not None:
            _record(move, waited)
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
        full = _full(root, wanted, mine)
        slot_queue.renew(root, mine, full)
        return full


def _full(root: Path, wanted: Mapping[str, int], mine: Sequence[str]) -> tuple[str, ...]:
    there: dict[str, list[str]] = {}
    here = False
    for who, places in _holders(root):
        if who == list(mine):
            here = True
            continue
        for place in places:
            there.setdefault(place, []).append(f"'{who[2]}' of wave '{who[0]}'")
    # A retry of a live move has its places already.
    for one in () if here else slot_queue.before(root, mine):
        for place in one.places:
            there.setdefault(place, []).append(f"'{one.who[2]}' of wave '{one.who[0]}', which waits longer")
    return tuple(
        f"{place}: {', '.join(sorted(Counter(there[place])))} (at most {most} at once)"
        for place, most in wanted.items()
        if len(there.get(place, ())) >= most
    )


def _wanted(move: Move, places: Sequence[str]) -> dict[str, int]:
    """The smaller of what the wave says and what the connections of the place say; other places have no limit."""
    found = {}
    for place in places:
        said = [limits.most(move.wave.limits, place)]
        said += [limits.most(limits.of_connection(move.resolve(each)), place) for each in limits.connections(place)]
        if known := [most for most in said if most is not None]:
            found[place] = min(known)
    return found


def _record(move: Move, waited: Waiting) -> None:
    """An auditor asks why a wave took longer than it was said to."""
    facts = {
        "step": waited.step,
        "waited_seconds": round(time.time() - waited.since, 1),
        "waited_for": list(waited.full),
    }
    move.store.record("room", "info", facts, waited.since)


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
