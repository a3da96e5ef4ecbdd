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
from drover.hypervisors.vsphere.session import Session

_KIND = "VirtualMachine"
_PREFIX = "drover "
_MARK = "Made by Drover. Do not remove it while a wave runs; Drover removes it itself."
_SECONDS = 3600.0
# How long the server may go on to call for what it has just done.
_SETTLING = 30.0
_POLL = 0.5
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
    tasks.wait(session, task, f"the snapshot of machine '{name}'", deadline=_SECONDS)
    for snapshot in listed(session, machine):
        if snapshot.ours and snapshot.name == _PREFIX + purpose:
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
    mine = [one for one in listed(session, machine) if one.ours and one.name == _PREFIX + purpose]
    for snapshot in mine:
        with session.errors():
            task = snapshot.reference.RemoveSnapshot_Task(removeChildren=False)
        tasks.wait(session, task, f"the removal of the snapshot of machine '{name}'", deadline=_SECONDS)
    if mine:
        _consolidate(session, machine, name)


def _consolidate(session: Session, machine: Any, name: str) -> None:
    """A snapshot can be gone from the list while its files are still in use (a backup program had them open)."""
    if not _scattered(session, machine):
        return
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
