"""Snapshots that Drover takes and removes: its own and no other's, known by their name and description."""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import lookup, nodes, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.names import to_give, unescape
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.recent import Recent, recent, same_user, user_of
from drover.hypervisors.vsphere.session import Session

_KIND = "VirtualMachine"
_PREFIX = "drover "
_MARK = "Made by Drover. Do not remove it while a wave runs; Drover removes it itself."
_SECONDS = 3600.0
# How long the server may go on to call for what it has just done.
_SETTLING = 30.0
_POLL = 0.5
# In the ids of tasks, as in VirtualMachine.createSnapshot. Drover never removes all snapshots.
_TOUCHES = ("snapshot", "consolidate")
_REMOVES = ("snapshot.remove", "removesnapshot")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """:param reference: `vim.vm.Snapshot`. :param quiesced: the guest's file systems were at rest."""

    reference: Any
    name: str
    quiesced: bool
    ours: bool


def create(session: Session, machine: Any, name: str, purpose: str) -> Snapshot:
    """A snapshot without memory; one of this purpose that an earlier try took is removed first: it is out of date.

    Quiesced where VMware Tools run, else crash-consistent; the log and `Snapshot.quiesced` say which.

    :param machine: `vim.VirtualMachine`. :param name: the machine's, for messages. :param purpose: `read`.
    """
    task = begin(session, machine, name, purpose)
    taken = tasks.wait(session, task, f"the snapshot of machine '{name}'", deadline=_SECONDS)
    for snapshot in listed(session, machine):
        if taken is not None and snapshot.reference._moId == taken._moId:
            return snapshot
    raise OperatorNeededError(
        f"The snapshot of machine '{name}' on {session.name} was taken and is not there.",
        remedy="Find out who removes snapshots there (a backup program?), then try again.",
    )


def begin(session: Session, machine: Any, name: str, purpose: str) -> Any:
    """Starts what `create` does; returns the `vim.Task`."""
    remove(session, machine, name, purpose)
    found = next(retrieve(session, {_KIND: ["guest.toolsRunningStatus", "runtime.powerState"]}, [_pair(machine)]), None)
    tools = found is not None and found.text("guest.toolsRunningStatus") == "guestToolsRunning"
    quiesce = tools and found is not None and found.text("runtime.powerState") == "poweredOn"
    if found is not None and found.text("runtime.powerState") == "poweredOn" and not quiesce:
        log.warning("Machine '%s' runs no VMware Tools: its snapshot is as after a power cut, not quiesced.", name)
    with session.errors():
        return machine.CreateSnapshot_Task(to_give(_PREFIX + purpose), _MARK, False, quiesce)


def remove(session: Session, machine: Any, name: str, purpose: str) -> None:
    """Removes the snapshot of this purpose, whoever of us took it; others stay. Does nothing where there is none.

    :raises OperatorNeededError: its files stay behind, in which what the machine writes piles up from then on.
    """
    settle(session, machine, name)
    mine = ours(session, machine, purpose)
    for snapshot in mine:
        with session.errors():
            task = snapshot.reference.RemoveSnapshot_Task(removeChildren=False)
        tasks.wait(session, task, f"the removal of the snapshot of machine '{name}'", deadline=_SECONDS)
    if not _scattered(session, machine):
        return
    if mine or any(word in one.what.lower() for one in _own(session, machine) for word in _REMOVES):
        _consolidate(session, machine, name)
    else:
        log.warning(
            "Machine '%s' writes into files of a removed snapshot that nobody knows to be Drover's: they stay. "
            "Consolidate its disks in the vSphere client.",
            name,
        )


def settle(session: Session, machine: Any, name: str) -> None:
    """Waits for what this user has begun with the machine's snapshots and disks, as a try did that was killed then.

    What is not done is in no list: a snapshot that is still being taken appears later, and its removal must not begin
    before, nor a second one be taken beside it.

    :raises RetryableError: it does not end.
    """
    for one in _own(session, machine):
        if not one.ended:
            log.info("Machine '%s': %s was begun before, and is waited for.", name, one.what)
            tasks.outlast(session, one.reference, f"{one.what} of machine '{name}'", deadline=_SECONDS)


def _own(session: Session, machine: Any) -> list[Recent]:
    """This user's own tasks of late that touch the machine's snapshots or their files."""
    user = user_of(session)
    found = [one for one in recent(session, machine._moId) if any(word in one.what.lower() for word in _TOUCHES)]
    return [one for one in found if one.user is not None and same_user(one.user, user)]


def ours(session: Session, machine: Any, purpose: str) -> list[Snapshot]:
    """The snapshots of exactly this purpose that Drover took."""
    return [one for one in listed(session, machine) if one.ours and one.name == _PREFIX + purpose]


def _consolidate(session: Session, machine: Any, name: str) -> None:
    """A snapshot can be gone from the list while its files are still in use (a backup program had them open)."""
    log.warning("Files of a removed snapshot of machine '%s' were left; they are consolidated.", name)
    with session.errors():
        task = machine.ConsolidateVMDisks_Task()
    tasks.wait(session, task, f"consolidating the disks of machine '{name}'", deadline=_SECONDS)
    until = time.monotonic() + _SETTLING
    while _scattered(session, machine):
        if time.monotonic() > until:
            raise OperatorNeededError(
                f"Machine '{name}' on {session.name} still writes into files of a snapshot that is removed, though its "
                "disks were consolidated.",
                remedy="See what holds them open (a backup program?), then consolidate them in the vSphere client.",
            )
        time.sleep(_POLL)


def _scattered(session: Session, machine: Any) -> bool:
    found = next(retrieve(session, {_KIND: ["runtime.consolidationNeeded"]}, [_pair(machine)]), None)
    return found is not None and found.text("runtime.consolidationNeeded") == "true"


def listed(session: Session, machine: Any) -> list[Snapshot]:
    """All of the machine's snapshots, parents before children."""
    for found in retrieve(session, {_KIND: ["snapshot.rootSnapshotList"]}, [_pair(machine)]):
        roots = nodes.listed(found.node("snapshot.rootSnapshotList"))
        return [one for root in roots for one in _walk(session, root)]
    return []


def _walk(session: Session, node: Node) -> Iterator[Snapshot]:
    from pyVmomi import vim

    name = unescape(nodes.text(node, "name") or "")
    yield Snapshot(
        reference=vim.vm.Snapshot(nodes.text(node, "snapshot"), session.stub),
        name=name,
        quiesced=bool(nodes.flag(node, "quiesced")),
        # Both, so that a name alone that somebody chose does not make it ours.
        ours=name.startswith(_PREFIX) and nodes.text(node, "description") == _MARK,
    )
    for below in nodes.children(node, "childSnapshotList"):
        yield from _walk(session, below)


def _pair(machine: Any) -> tuple[str, str]:
    return _KIND, machine._moId


def begin_for(session: Session, name: str, purpose: str) -> str:
    """`begin` by the machine's name; returns the task's id."""
    return str(begin(session, lookup.require(session, name), name, purpose)._moId)


def remove_for(session: Session, name: str, purpose: str) -> None:
    """`remove` by the machine's name."""
    remove(session, lookup.require(session, name), name, purpose)
