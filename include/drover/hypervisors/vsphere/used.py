"""Which parts of a disk hold data, where that is proven; else the disk is read whole. Switches tracking on for it.

Changed block tracking lists the parts that were ever written. A list that forgets one would lose data without
anybody's notice, so what it leaves out counts as a hole only where a second witness, the datastore, has allocated
exactly as much to the file as the list names, and where places that are looked at are empty indeed. A thin file alone
can bear witness: a thick one has all of its blocks from the beginning, written to or not.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import folder, nodes, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.folder import DataFile
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session
from drover.model import VirtualMachine

log = logging.getLogger(__name__)
_KIND = "VirtualMachine"


def tracked(session: Session, machine: VirtualMachine, reference: Any) -> VirtualMachine:
    """Switches changed block tracking on for a machine that is about to be frozen, where it is off; says so in the log.

    It stays on: another program may begin to count on it. A list begins with a snapshot, so for a machine that is off
    nothing would come of it; one that has snapshots is read in another way.

    :param machine: as the inventory tells it. :param reference: `vim.VirtualMachine`. :returns: how it is then.
    """
    from pyVmomi import vim

    if machine.changed_blocks is not False or machine.snapshots:
        return machine
    what = f"Changed block tracking of machine '{machine.name}' on {session.name}"
    try:
        with session.errors():
            task = reference.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True))
        tasks.wait(session, task, f"switching on changed block tracking of machine '{machine.name}'")
    except OperatorNeededError as error:
        log.warning("%s stays off: %s Its disks are read whole.", what, error.message)
        return machine
    log.warning("%s was off; Drover has switched it on, and leaves it on.", what)
    return replace(machine, changed_blocks=True)


def used(session: Session, reference: Any, snapshot: Any, device: Node, file: DataFile) -> list[tuple[int, int]] | None:
    """The ranges (offset, length) that hold data; None where nobody can prove that the rest is empty.

    :param reference: `vim.VirtualMachine`, whose changes are tracked. :param snapshot: `vim.vm.Snapshot` or None.
    :param device: the disk as it is in the snapshot. :param file: its bytes.
    """
    try:
        areas = _joined(_listed(session, reference, snapshot, nodes.number(device, "key") or 0, file.size))
        why = _doubt(session, reference, device, file, areas)
    except RetryableError:
        raise
    except DroverError as error:
        why = error.message.rstrip(".")
    if why is None:
        return areas
    log.info("The disk %s is read whole: %s.", file.path, why)
    return None


def _listed(session: Session, reference: Any, snapshot: Any, key: int, size: int) -> list[tuple[int, int]]:
    at, found = 0, []
    while at < size:
        with session.errors():
            answer = reference.QueryChangedDiskAreas(snapshot, key, at, "*")
        found += [(area.start, area.length) for area in answer.changedArea or ()]
        if answer.length <= 0:
            raise OperatorNeededError(
                f"{session.name} tells of no areas from byte {at} on.", remedy="Reset changed block tracking."
            )
        at = answer.startOffset + answer.length
    return found


def _doubt(session: Session, reference: Any, device: Node, file: DataFile, areas: list[tuple[int, int]]) -> str | None:
    """Why what is not listed may hold data all the same; None where it cannot."""
    listed = sum(length for _, length in areas)
    if listed == file.size:
        return None
    backing = nodes.child(device, "backing")
    if nodes.flag(backing, "thinProvisioned") is not True:
        return "it is not thin, so nothing bears witness to its holes"
    allocated = _allocated(session, reference, nodes.text(backing, "fileName") or "")
    if allocated != listed:
        return (
            f"{listed} bytes are listed as written, and the datastore has given it {allocated or 'nobody knows what'}"
        )
    if not folder.truly_empty(session, file, areas):
        return "changed block tracking calls parts of it empty that are not"
    return None


def _allocated(session: Session, reference: Any, disk: str) -> int | None:
    """What the datastore has given to the file of the disk's bytes, asked now: while it runs, the rest grows."""
    with session.errors():
        reference.RefreshStorageInfo()
    extent = f"{disk.removesuffix('.vmdk')}-flat.vmdk"
    for found in retrieve(session, {_KIND: ["layoutEx"]}, [(_KIND, reference._moId)]):
        for file in nodes.children(found.node("layoutEx"), "file"):
            if nodes.text(file, "name") == extent:
                return nodes.number(file, "size")
    return None


def _joined(areas: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """In order, and none over another."""
    joined: list[tuple[int, int]] = []
    for offset, length in sorted(areas):
        if joined and offset <= joined[-1][0] + joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], offset + length - joined[-1][0])
        elif length:
            joined.append((offset, length))
    return joined
