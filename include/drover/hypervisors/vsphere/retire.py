"""Removing a source for good, with the disks that are its alone. Nothing but a decommission comes here.

The server removes a machine's disks with the machine, in one task that goes on when nobody waits for it: what is to
stay is detached first, and written down in the machine's settings by the same call, so that a retry can tell of it.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from drover.errors import DroverError
from drover.hypervisors.port import Retired
from drover.hypervisors.retiring import is_its_own, refuse_snapshots, refuse_unknown, refuse_used, require_retiring
from drover.hypervisors.vsphere import disks_out, inventory, lookup, nodes, power, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.names import unescape
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session
from drover.model import Disk, Ownership, VirtualMachine

_KIND = "VirtualMachine"
_LEFT = "drover.left"
_DEVICES = "config.hardware.device"


def retire(session: Session, name: str, owner: Ownership) -> Retired:
    found = lookup.find(session, name)
    if found is None:
        return Retired()
    machine = _read(session, found)
    require_retiring(machine, owner, session.name)
    disks_out.release(session, machine)
    machine = _read(session, found)
    refuse_snapshots(machine, session.name)
    own = [disk for disk in machine.disks if _goes(disk)]
    _refuse_used(session, machine, own)
    left = _let_go(session, found, machine, [disk for disk in machine.disks if disk not in own])
    require_retiring(_read(session, found), owner, session.name)
    _destroy(session, found, name)
    return Retired(tuple(disk.path for disk in own), tuple(left))


def _read(session: Session, found: Any) -> VirtualMachine:
    """One that is being started is not off."""
    machine = inventory.read(session, [found._moId])[0]
    return replace(machine, state=power.power_state(session, machine.name))


def _goes(disk: Disk) -> bool:
    """What lies upon another image stays whole: with such a disk the server may remove what that image carries."""
    return is_its_own(disk) and disk.backing is None


def _refuse_used(session: Session, machine: VirtualMachine, own: list[Disk]) -> None:
    """:raises OperatorNeededError: another machine has one of these disks, or lies upon one, be it in a snapshot."""
    paths = {disk.path for disk in own}
    for other in retrieve(session, {_KIND: ["name", _DEVICES, "layoutEx"]}):
        if other.id == machine.id:
            continue
        name = unescape(other.text("name") or other.id)
        devices = other.node(_DEVICES)
        if devices is None:
            refuse_unknown(machine, session.name, name, "the server does not tell of its disks (is it inaccessible?)")
        used = {path for device in nodes.listed(devices) for path in _chain(nodes.child(device, "backing"))}
        used |= {nodes.text(file, "name") or "" for file in nodes.children(other.node("layoutEx"), "file")}
        refuse_used(machine, session.name, name, used & paths)


def _chain(backing: Node | None) -> Iterator[str]:
    """The disk's file, then those that it lies upon."""
    while backing is not None:
        yield nodes.text(backing, "fileName") or ""
        backing = nodes.child(backing, "parent")


def _let_go(session: Session, found: Any, machine: VirtualMachine, strange: list[Disk]) -> list[str]:
    """Detaches these disks. :returns: every file that stays, those that a killed try detached among them."""
    from pyVmomi import vim

    left = _noted(session, found)
    left += [path for disk in strange for path in (disk.path, disk.backing) if path and path not in left]
    if not strange:
        return left
    keys = device_keys(session, found)
    wanted = {keys[disk.name] for disk in strange}
    with session.errors():
        devices = [one for one in found.config.hardware.device if one.key in wanted]
        changes = [vim.vm.device.VirtualDeviceSpec(operation="remove", device=one) for one in devices]
        note = vim.option.OptionValue(key=_LEFT, value=json.dumps(left))
        task = found.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=changes, extraConfig=[note]))
    tasks.wait(session, task, f"letting go of disks of machine '{machine.name}' that are not its alone")
    return left


def _noted(session: Session, found: Any) -> list[str]:
    for one in retrieve(session, {_KIND: ["config.extraConfig"]}, [(_KIND, found._moId)]):
        for option in nodes.listed(one.node("config.extraConfig")):
            if nodes.text(option, "key") == _LEFT:
                paths: list[str] = json.loads(nodes.text(option, "value") or "[]")
                return paths
    return []


def _destroy(session: Session, found: Any, name: str) -> None:
    try:
        with session.errors():
            task = found.Destroy_Task()
        tasks.wait(session, task, f"the removal of machine '{name}'")
    except DroverError:
        if lookup.find(session, name) is not None:  # Else the task of a killed try has ended meanwhile.
            raise
