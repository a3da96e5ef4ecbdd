"""Removing a source for good, with the disks that are its alone. Nothing but a decommission comes here.

The disks go first and the machine last: its notes carry the tag by which a retry knows what it began.
"""

from collections.abc import Sequence
from pathlib import PureWindowsPath

from drover.errors import OperatorNeededError
from drover.hypervisors import retiring
from drover.hypervisors.hyperv import disks, inventory, scripts
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import Retired
from drover.hypervisors.retiring import is_its_own, refuse_snapshots, refuse_unknown, require_retiring
from drover.model import Disk, Ownership, VirtualMachine

# A set of disks is shared by what it is for.
_SET = ".vhds"
_LOOKING = 900.0


def retire(session: Session, name: str, owner: Ownership) -> Retired:
    machine = inventory.find(session, name)
    if machine is None:
        return Retired()
    where = session.target.host
    require_retiring(machine, owner, where)
    disks.release(session, machine)
    machine = inventory.read(session, [machine.id or ""])[0]
    require_retiring(machine, owner, where)
    refuse_snapshots(machine, where)
    own = [disk for disk in machine.disks if _goes(disk)]
    refuse_used(session, machine, [disk.path for disk in own], besides=machine.id)
    _require_folders(session, machine, own)
    scripts.run(session, "remove", id=machine.id, disks=[disk.path for disk in own])
    left = [disk.path for disk in machine.disks if disk not in own]
    left += [disk.backing for disk in own if disk.backing]
    return Retired(tuple(disk.path for disk in own), tuple(left))


def _goes(disk: Disk) -> bool:
    return is_its_own(disk) and not disk.path.lower().endswith(_SET)


def _require_folders(session: Session, machine: VirtualMachine, own: list[Disk]) -> None:
    """A disk that is not there counts as removed by a killed try; where its folder is away, it may come back."""
    folders = sorted({str(PureWindowsPath(disk.path).parent) for disk in own})
    if folders and (away := scripts.run(session, "missing", paths=folders)):
        raise OperatorNeededError(
            f"Nobody can tell whether disks of machine '{machine.name}' on {session.target.host} lie in "
            f"{', '.join(map(str, away))}, which cannot be reached, so nothing of it is removed.",
            remedy="Bring that volume or share back, then run this again.",
        )


def refuse_used(session: Session, machine: VirtualMachine, files: Sequence[str], *, besides: str | None) -> None:
    """:param besides: the id of a machine that may have them.

    :raises OperatorNeededError: a machine of the host has one of these files, or lies upon one.
    """
    where, paths = session.target.host, {path.lower(): path for path in files}
    for one in scripts.run(session, "chains", deadline=_LOOKING, id=besides or ""):
        other, path, problem = one["machine"], one["path"].lower(), " ".join(one["problem"].split())
        retiring.refuse_used(machine, where, other, [paths[path]] if path in paths else [])
        if problem:
            refuse_unknown(machine, where, other, problem.rstrip("."))
