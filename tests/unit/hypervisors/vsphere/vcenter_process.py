"""A vCenter of the lab's, alone on the loopback, and machines in it."""

from typing import Any

from drover.hypervisors.vsphere import tasks
from drover.hypervisors.vsphere.session import Session
from drover_lab.vcenter.alone import LOGIN, PASSWORD, Identity, VCenter

__all__ = ["LOGIN", "PASSWORD", "Identity", "VCenter", "make_machine"]


def make_machine(session: Session, name: str, folder: str = "", **config: Any) -> Any:
    """A machine without disks through pyvmomi, as any client makes one; `config` goes into its ConfigSpec."""
    from pyVmomi import vim

    center = session.content.rootFolder.childEntity[0]
    place = center.vmFolder
    for part in folder.split("/") if folder else ():
        known = {one.name: one for one in place.childEntity}
        place = known.get(part) or place.CreateFolder(part)
    cluster = center.hostFolder.childEntity[0]
    values: dict[str, Any] = {
        "name": name,
        "memoryMB": 64,
        "numCPUs": 2,
        "numCoresPerSocket": 2,
        "guestId": "otherGuest64",
        "files": vim.vm.FileInfo(vmPathName="[datastore1]"),
    }
    task = place.CreateVM_Task(vim.vm.ConfigSpec(**{**values, **config}), cluster.resourcePool, cluster.host[0])
    return tasks.wait(session, task, f"making {name}", deadline=30)
