"""A vCenter of the lab's, alone on the loopback, and machines in it."""

from typing import Any

from drover.hypervisors.vsphere import tasks
from drover.hypervisors.vsphere.session import Session
from drover_lab.vcenter.alone import LOGIN, PASSWORD, Identity, VCenter

__all__ = ["LOGIN", "PASSWORD", "Identity", "VCenter", "device", "disk", "make_machine"]


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


def device(kind: Any, **values: Any) -> Any:
    """A device to be added."""
    from pyVmomi import vim

    return vim.vm.device.VirtualDeviceSpec(operation="add", device=kind(**values))


def disk(key: int, controller: int, unit: int, **backing: Any) -> Any:
    from pyVmomi import vim

    virtual = vim.vm.device
    mode = backing.pop("diskMode", "persistent")
    kind = backing.pop("kind", virtual.VirtualDisk.FlatVer2BackingInfo)
    made = kind(diskMode=mode, fileName="", **backing)
    spec = device(
        virtual.VirtualDisk, key=key, controllerKey=controller, unitNumber=unit, capacityInKB=1 << 20, backing=made
    )
    spec.fileOperation = "create"
    return spec
