"""Which state of a disk this is: what tells one from another without reading it."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import nodes, tasks
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session


def versions(session: Session, devices: Mapping[str, Node]) -> dict[str, str]:
    """Length and time of writing of each disk's files, and the mark of changed block tracking.

    :param devices: disk to its device, of a machine that is off.
    """
    found = {}
    for name, device in devices.items():
        backing = nodes.child(device, "backing")
        states = [nodes.text(backing, "changeId") or ""]
        while backing is not None:
            states += _written(session, nodes.text(backing, "datastore"), nodes.text(backing, "fileName") or "")
            backing = nodes.child(backing, "parent")
        found[name] = " ".join(filter(None, states))
    return found


def _written(session: Session, store: str | None, file: str) -> Iterator[str]:
    """Length and time of writing of a disk's descriptor and of the files of its bytes."""
    from pyVmomi import vim

    browser = vim.host.DatastoreBrowser
    place, inside = file.partition("] ")[0] + "] ", PurePosixPath(file.partition("] ")[2])
    spec = browser.SearchSpec(
        matchPattern=[inside.name, f"{inside.stem}-*.vmdk"],
        details=browser.FileInfo.Details(fileSize=True, modification=True, fileType=False, fileOwner=False),
    )
    with session.errors():
        task = vim.Datastore(store, session.stub).browser.SearchDatastore_Task(f"{place}{inside.parent}", spec)
    result = tasks.wait(session, task, f"looking at {file}")
    if not result.file:
        # Without a state of its own, a disk that was written since would look as if it had not been.
        raise OperatorNeededError(
            f"{session.name} lists no file of the disk {file}, so nobody can tell when it was last written.",
            remedy="Look whether the datastore can be browsed, and whether this user may browse it.",
        )
    for one in sorted(result.file or (), key=lambda one: one.path):
        yield f"{one.path}:{one.fileSize}:{one.modification.timestamp() if one.modification else ''}"
