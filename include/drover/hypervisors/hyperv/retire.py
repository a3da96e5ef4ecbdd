"""Removing a source for good, with the disks that are its alone. Nothing but a decommission comes here.

The disks go first and the machine last: its notes carry the tag by which a retry knows what it began.
"""

from pathlib import PureWindowsPath

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv import disks, in_use, inventory, scripts
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import Retired
from drover.hypervisors.retiring import is_its_own, refuse_snapshots, refuse_unknown, refuse_used, require_retiring
from drover.model import Disk, Ownership, VirtualMachine

# A set of disks is shared by what it is for.
_SET = ".vhds"


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
    _refuse_used(session, machine, own)
    _require_folders(session, machine, own)
    scripts.run(session, "remove", id=machine.id, disks=[disk.path for disk in own])
    left = [disk.path for disk in machine.disks if disk not in own]
    left += [disk.backing for disk in own if disk.backing]
    return Retired(tuple(disk.path for disk in own), tuple(left))


def _goes(disk: Disk) -> bool:
    return is_its_own(disk) and not disk.path.lower().endswith(_SET)


def _refuse_used(session: Session, machine: VirtualMachine, own: list[Disk]) -> None:
    where = session.target.host
    for other, path, problem in in_use.users(session, [disk.path for disk in own], besides=machine.id):
        refuse_used(machine, where, other, [path] if path else [])
        if problem:
            refuse_unknown(machine, where, other, problem)


def _require_folders(session: Session, machine: VirtualMachine, own: list[Disk]) -> None:
    """A disk that is not there counts as removed by a killed try; where its folder is away, it may come back."""
    folders = sorted({str(PureWindowsPath(disk.path).parent) for disk in own})
    if folders and (away := scripts.run(session, "missing", paths=folders)):
        raise OperatorNeededError(
            f"Nobody can tell whether disks of machine '{machine.name}' on {session.target.host} lie in "
            f"{', '.join(map(str, away))}, which cannot be reached, so nothing of it is removed.",
            remedy="Bring that volume or share back, then run this again.",
        )
