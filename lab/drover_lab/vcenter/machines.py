"""The lab's machines on a vCenter: made through its own API, as any client would."""

import contextlib
import shutil
import ssl
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from drover.errors import OperatorNeededError
from drover.model import Firmware
from drover_lab import identity
from drover_lab.definitions import machine_uuid
from drover_lab.guests import Guest
from drover_lab.process import run
from drover_lab.topology import LabHost, Topology
from drover_lab.vcenter import control, host

DATASTORE = "datastore1"
_TASK_SECONDS = 120.0


def states(where: LabHost) -> dict[str, str]:
    """Machine name -> `running`, `paused` or `off`."""
    return {machine["name"]: machine["state"] for machine in control.ask(where, "machines")}


@contextlib.contextmanager
def session(lab: Topology, where: LabHost) -> Iterator[Any]:
    """A pyvmomi service instance, logged in; the certificate is verified against the lab's authority."""
    from pyVim.connect import Disconnect, SmartConnect

    trust = ssl.create_default_context(cafile=str(identity.authority(lab)))
    instance = SmartConnect(host=where.address, user=host.LOGIN, pwd=identity.password(lab, where), sslContext=trust)
    try:
        yield instance
    finally:
        Disconnect(instance)


def remove(lab: Topology, where: LabHost, names: Sequence[str]) -> None:
    """Ends machines and removes them with all their files; no matter if there are none."""
    if not set(names) & set(states(where)):
        return
    with session(lab, where) as instance:
        for machine in _machines(instance):
            if machine.name in names:
                if machine.runtime.powerState != "poweredOff":
                    _wait(machine.PowerOffVM_Task())
                _wait(machine.Destroy_Task())


def clear(lab: Topology, where: LabHost) -> None:
    """Removes every machine, also those that others made, and every file from the datastores."""
    remove(lab, where, list(states(where)))
    for name in host.DATASTORES:
        for path in host.datastore(where, name).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def create(lab: Topology, where: LabHost, guest: Guest, pristine: dict[str, Path]) -> None:
    """Makes a machine of pristine raw images, on the vCenter's first host, and starts it."""
    folder = host.datastore(where, DATASTORE) / guest.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for disk in guest.spec.disks:
        target = folder / f"{disk_name(guest, disk.bootable)}.vmdk"
        command = ["qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=monolithicFlat"]
        run([*command, str(pristine[disk.name]), str(target)])
    with session(lab, where) as instance:
        center = instance.content.rootFolder.childEntity[0]
        cluster = center.hostFolder.childEntity[0]
        task = center.vmFolder.CreateVM_Task(
            config=_specification(lab, center, guest), pool=cluster.resourcePool, host=cluster.host[0]
        )
        machine = _wait(task)
        _wait(machine.PowerOnVM_Task())


def start(lab: Topology, where: LabHost, name: str) -> None:
    with session(lab, where) as instance:
        for machine in _machines(instance):
            if machine.name == name:
                _wait(machine.PowerOnVM_Task())


def disk_name(guest: Guest, bootable: bool) -> str:
    return guest.name if bootable else f"{guest.name}_1"


def autostarts(lab: Topology, where: LabHost) -> set[str]:
    """Names of the machines that start with their host."""
    with session(lab, where) as instance:
        names = {machine: machine.name for machine in _machines(instance)}
        hosts = {machine.runtime.host for machine in names}
        # Without a setting there is none for any machine.
        settings = [manager.config for host in hosts if (manager := host.configManager.autoStartManager)]
        return {
            names[info.key]
            for setting in settings
            for info in (setting.powerInfo if setting else ())
            # One that was removed may still be listed.
            if info.startAction == "powerOn" and info.key in names
        }


def _machines(instance: Any) -> list[Any]:
    from pyVmomi import vim

    content = instance.content
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    try:
        return list(view.view)
    finally:
        view.Destroy()


def _specification(lab: Topology, center: Any, guest: Guest) -> Any:
    from pyVmomi import vim

    controller = vim.vm.device.ParaVirtualSCSIController(key=-1, busNumber=0, sharedBus="noSharing")
    devices = [controller, *(_disk(guest, unit) for unit in range(len(guest.spec.disks))), _card(center, guest)]
    changes = [vim.vm.device.VirtualDeviceSpec(operation="add", device=device) for device in devices]
    return vim.vm.ConfigSpec(
        name=guest.name,
        uuid=str(machine_uuid(guest.name, lab.state.name)),
        guestId="debian12_64Guest",
        numCPUs=1,
        memoryMB=guest.spec.memory // (1024 * 1024),
        firmware="efi" if guest.spec.firmware is Firmware.UEFI else "bios",
        files=vim.vm.FileInfo(vmPathName=f"[{DATASTORE}] {guest.name}/{guest.name}.vmx"),
        annotation=f"Drover lab machine {guest.name}",
        deviceChange=changes,
    )


def _disk(guest: Guest, unit: int) -> Any:
    from pyVmomi import vim

    disk = guest.spec.disks[unit]
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=f"[{DATASTORE}] {guest.name}/{disk_name(guest, disk.bootable)}.vmdk",
        diskMode="persistent",
        thinProvisioned=True,
    )
    return vim.vm.device.VirtualDisk(
        key=-10 - unit, controllerKey=-1, unitNumber=unit, capacityInBytes=disk.size, backing=backing
    )


def _card(center: Any, guest: Guest) -> Any:
    from pyVmomi import vim

    group = next(network for network in center.network if network.name == "production")
    port = vim.dvs.PortConnection(portgroupKey=group.key, switchUuid=group.config.distributedVirtualSwitch.uuid)
    return vim.vm.device.VirtualVmxnet3(
        key=-100,
        addressType="manual",
        macAddress=guest.mac,
        backing=vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port),
        connectable=vim.vm.device.VirtualDevice.ConnectInfo(
            startConnected=True, allowGuestControl=True, connected=True
        ),
    )


def _wait(task: Any) -> Any:
    """A task's result. :raises OperatorNeededError: it failed."""
    deadline = time.monotonic() + _TASK_SECONDS
    while task.info.state not in ("success", "error"):
        if time.monotonic() > deadline:
            raise OperatorNeededError(
                f"The vCenter's task {task.info.descriptionId} does not end.", remedy="See its log in the lab's folder."
            )
        time.sleep(0.1)
    if task.info.state == "error":
        error = task.info.error
        told = " ".join(message.message for message in error.faultMessage or ()) or error.msg
        raise OperatorNeededError(
            f"The vCenter's task {task.info.descriptionId} failed: {told}", remedy="See its log in the lab's folder."
        )
    return task.info.result
