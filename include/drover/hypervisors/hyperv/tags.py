"""Whose a machine is: one line of its notes, below whatever people wrote there. Notes go where the machine goes."""

import json

from drover.hypervisors.hyperv import inventory, scripts
from drover.hypervisors.hyperv.session import Session
from drover.model import Ownership

_MARK = "drover: "
_PARTS = ("wave", "run", "machine", "source_uuid", "role")


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
    return "\n".join(line for line in notes.splitlines() if not line.startswith(_MARK)).rstrip()


def written(notes: str, owner: Ownership) -> str:
    """The notes with this tag in place of the one there."""
    kept = without(notes)
    return f"{kept}\n{text(owner)}" if kept else text(owner)


def tag(session: Session, name: str, owner: Ownership) -> None:
    """Writes the tag, in place of the one there."""
    answer = inventory.answer_of(session, name)
    scripts.run(session, "tag", id=answer["id"], notes=written(str(answer["notes"]), owner))
