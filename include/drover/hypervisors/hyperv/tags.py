"""Whose a machine is: one line of its notes, below whatever people wrote there. Notes go where the machine goes."""

import json
from dataclasses import asdict, dataclass

from drover.hypervisors.hyperv import inventory, scripts
from drover.hypervisors.hyperv.session import Session
from drover.model import Ownership

_MARK = "drover: "
# What the machine bore before a live move of it began, for the case that the move is cancelled.
_BEFORE = "drover before: "
# Where a live move that has begun makes the machine's disks.
_MAKES = "drover makes: "
_PARTS = ("wave", "run", "machine", "source_uuid", "role")


@dataclass(frozen=True, slots=True)
class Making:
    """:param host: as it calls itself. :param files: none of them was there before."""

    host: str
    files: tuple[str, ...]


def text(owner: Ownership) -> str:
    return _MARK + json.dumps({part: getattr(owner, part) for part in _PARTS}, sort_keys=True)


def read(notes: str) -> Ownership | None:
    """Drover's tag; None where there is none or it lacks a part: it proves nothing then."""
    lines = [line for line in notes.splitlines() if line.startswith(_MARK)]
    try:
        parts = json.loads(lines[-1].removeprefix(_MARK)) if lines else None
    except ValueError:
        return None
    if not isinstance(parts, dict) or any(not isinstance(parts.get(part), str) for part in _PARTS):
        return None
    return Ownership(**{part: parts[part] for part in _PARTS})


def without(notes: str) -> str:
    """What people wrote."""
    return "\n".join(line for line in notes.splitlines() if not line.startswith((_MARK, _BEFORE, _MAKES))).rstrip()


def written(notes: str, owner: Ownership) -> str:
    """The notes with this tag in place of the one there."""
    kept = without(notes)
    return f"{kept}\n{text(owner)}" if kept else text(owner)


def begun(notes: str, owner: Ownership, making: Making) -> str:
    """The notes of a machine whose live move begins. The tag of an earlier one is kept beside this one's."""
    kept = [line for line in notes.splitlines() if line.startswith(_BEFORE)][-1:]
    earlier = read(notes)
    if not kept and earlier is not None and not (earlier.role == owner.role and earlier.same_machine(owner)):
        kept = [_BEFORE + text(earlier).removeprefix(_MARK)]
    return "\n".join([written(notes, owner), _MAKES + json.dumps(asdict(making)), *kept])


def making(notes: str) -> Making | None:
    """Where the live move that has begun makes its disks; None where no notes tell of one."""
    lines = [line for line in notes.splitlines() if line.startswith(_MAKES)]
    try:
        found = json.loads(lines[-1].removeprefix(_MAKES)) if lines else None
        return Making(str(found["host"]), tuple(str(path) for path in found["files"])) if found else None
    except (ValueError, TypeError, KeyError):
        return None


def cancelled(notes: str) -> str:
    """The notes as they were before `begun`."""
    kept = [line.removeprefix(_BEFORE) for line in notes.splitlines() if line.startswith(_BEFORE)]
    earlier = read(_MARK + kept[-1]) if kept else None
    return written(notes, earlier) if earlier is not None else without(notes)


def tag(session: Session, name: str, owner: Ownership) -> None:
    """Writes the tag, in place of the one there."""
    answer = inventory.answer_of(session, name)
    scripts.run(session, "tag", id=answer["id"], notes=written(str(answer["notes"]), owner))
