"""From a machine's name to the managed object. Names are plain names, never paths (see names.py)."""

from typing import Any

from drover.errors import BadInputError
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.names import unescape
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.surroundings import surroundings

_KEY = "ids"
_KIND = "VirtualMachine"


def require(session: Session, name: str) -> Any:
    """:raises BadInputError: no machine has that name, or more than one has."""
    found = find(session, name)
    if found is None:
        raise BadInputError(
            f"There is no machine named {name!r} on {session.name}.",
            remedy="Check the name (as the vSphere client shows it) and the connection; "
            "if somebody renamed it since the wave was planned, put the new name into the wave.",
        )
    return found


def find(session: Session, name: str) -> Any:
    """The `vim.VirtualMachine`, None where none has that name. :raises BadInputError: more than one has."""
    from pyVmomi import vim

    known: dict[str, str] = session.memory.setdefault(_KEY, {})
    if name not in known or not _is_still(session, known[name], name):
        same = [one.id for one in retrieve(session, {_KIND: ["name"]}) if unescape(one.text("name") or "") == name]
        if len(same) > 1:
            raise ambiguous(session, name, same)
        if not same:
            known.pop(name, None)
            return None
        known[name] = same[0]
    return vim.VirtualMachine(known[name], session.stub)


def ambiguous(session: Session, name: str, ids: list[str]) -> BadInputError:
    places = [path(session, one) for one in ids]
    return BadInputError(
        f"{len(ids)} machines on {session.name} are named {name!r}: {' and '.join(sorted(places))}.",
        remedy="Rename all but one of them: Drover must be able to tell which one is meant.",
    )


def path(session: Session, machine_id: str) -> str:
    """Where the machine is in the inventory, as people read it: `site-a/vm/prod/web`."""
    for one in retrieve(session, {_KIND: ["name", "parent"]}, [(_KIND, machine_id)]):
        folder = one.text("parent")
        above = surroundings(session, [folder]).path(folder) if folder else ""
        return f"{above}/{unescape(one.text('name') or '')}".lstrip("/")
    return machine_id


def _is_still(session: Session, machine_id: str, name: str) -> bool:
    found = retrieve(session, {_KIND: ["name"]}, [(_KIND, machine_id)])
    return any(unescape(one.text("name") or "") == name for one in found)
