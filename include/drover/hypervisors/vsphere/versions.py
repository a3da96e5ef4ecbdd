"""Which state of a disk this is: what tells one from another without reading it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from drover.hypervisors.vsphere import nodes, tasks
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session


def versions(session: Session, machine: Any, devices: Mapping[str, Node]) -> dict[str, str]:
    """Length and time of writing of each disk's files, and the mark of changed block tracking.

    :param machine: `vim.VirtualMachine`, off. :param devices: disk to its device.
    """
    found = {}
    for name, device in devices.items():
        chain, files = nodes.child(device, "backing"), []
        changes = nodes.text(chain, "changeId") or ""
        while chain is not None:
            files.append(nodes.text(chain, "fileName") or "")
            chain = nodes.child(chain, "parent")
        found[name] = " ".join([*_written(session, machine, files), changes]).strip()
    return found


def _written(session: Session, machine: Any, files: Sequence[str]) -> Iterator[str]:
    """Length and time of writing of each file and of the bytes beside it."""
    from pyVmomi import vim

    browser = vim.host.DatastoreBrowser
    with session.errors():
        mine = machine.environmentBrowser.datastoreBrowser
    for file in files:
        place, inside = file.partition("] ")[0] + "] ", PurePosixPath(file.partition("] ")[2])
        spec = browser.SearchSpec(
            matchPattern=[inside.name, f"{inside.stem}-*.vmdk"],
            details=browser.FileInfo.Details(fileSize=True, modification=True, fileType=False, fileOwner=False),
        )
        with session.errors():
            task = mine.SearchDatastore_Task(f"{place}{inside.parent}", spec)
        result = tasks.wait(session, task, f"looking at {file}")
        for one in sorted(result.file or (), key=lambda one: one.path):
            yield f"{one.path}:{one.fileSize}:{one.modification.timestamp() if one.modification else ''}"
