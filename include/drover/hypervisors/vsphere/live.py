"""vMotion: to another host, another datastore, both, or another vCenter. The platform moves the machine, disks and all.

The vCenter drives the move, so it outlives whoever asked for it. A mark in the machine's own settings says which move
it is on; settings travel with the machine, so a retry finds the move by asking either vCenter.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveState, LiveStatus, TargetSettings
from drover.hypervisors.vsphere import inventory, lookup, nodes, relocate, tags, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.errors import fault_error
from drover.hypervisors.vsphere.place import Esx, Site, survey
from drover.hypervisors.vsphere.relocate import reference_of, same_vcenter
from drover.hypervisors.vsphere.session import Session
from drover.model import PowerState, VirtualMachine

log = logging.getLogger(__name__)
MARK = "drover.live"
_KIND = "VirtualMachine"
# How their tasks are described; some versions put more behind it.
_RELOCATE = ("VirtualMachine.migrate", "VirtualMachine.relocate", "Drm.ExecuteVMotionLRO")
_PERCENT = 100


def obstacles(source: Session, target: Session, name: str, settings: TargetSettings) -> list[tuple[str, str]]:
    """What the platform's own check says against the move: the fault's name and its sentence. Nothing is changed."""
    machine = inventory.machine(source, name)
    site = survey(target)
    host = _host(source, target, machine, site, settings)
    return relocate.check(source, machine, relocate.spec(source, target, machine, site, host, settings))


def start(
    source: Session, target: Session, name: str, settings: TargetSettings, *, bandwidth: int | None, paused: bool
) -> None:
    """:raises OperatorNeededError: the machine does not run, or the platform refuses the move; says why."""
    if status(source, target, name).state in (LiveState.RUNNING, LiveState.DONE):
        return
    if paused:
        raise OperatorNeededError(
            f"vMotion cannot leave machine '{name}' paused at the target, so its disks cannot be compared there.",
            remedy="Take 'compare_at_switchover' out of the wave for this machine, or move it 'cold'.",
        )
    machine = inventory.machine(source, name)
    if machine.state is not PowerState.RUNNING:
        raise OperatorNeededError(
            f"Machine '{name}' on {source.name} is {machine.state.value}, so it cannot be moved live.",
            remedy="Start it, or give it the strategy 'cold'.",
        )
    if bandwidth is not None:
        log.warning("vMotion knows no limit for one move; '%s' goes as fast as the network lets it.", name)
    site = survey(target)
    host = _host(source, target, machine, site, settings)
    spec = relocate.spec(source, target, machine, site, host, settings)
    against = relocate.check(source, machine, spec)
    if against:
        raise OperatorNeededError(
            f"Machine '{name}' cannot be moved live from {source.name} to {host.name}: "
            f"{' '.join(sentence for _, sentence in against)}",
            remedy="Correct that in the vSphere client, or give the machine the strategy 'cold'.",
        )
    reference = reference_of(source, machine)
    _mark(source, reference, machine, target, host, settings)
    with source.errors():
        reference.RelocateVM_Task(spec, "defaultPriority")


def _host(source: Session, target: Session, machine: VirtualMachine, site: Site, settings: TargetSettings) -> Esx:
    """Within one vCenter it is the machine's own host only where that was asked for: its storage moves then."""
    host = site.host_for(machine, settings)
    if same_vcenter(source, target) and host.name == machine.host and settings.host != machine.host:
        others = tuple(one for one in site.hosts if one.name != machine.host)
        return replace(site, hosts=others).host_for(machine, settings)
    return host


# Which move it is on


def _mark(
    source: Session, reference: Any, machine: VirtualMachine, target: Session, host: Esx, settings: TargetSettings
) -> None:
    """Before it begins: where it goes, whose it is, and that it may run there."""
    from pyVmomi import vim

    going = {"vcenter": target.content.about.instanceUuid, "host": host.name, "from": machine.host}
    owner = replace(settings.owner, role="started")
    options = [vim.option.OptionValue(key=MARK, value=json.dumps(going, sort_keys=True)), tags.option(owner)]
    with source.errors():
        task = reference.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=options))
    tasks.wait(source, task, f"the mark of machine '{machine.name}'")


def _unmark(session: Session, reference: Any, name: str) -> None:
    from pyVmomi import vim

    options = [vim.option.OptionValue(key=key, value="") for key in (MARK, tags.KEY)]
    with session.errors():
        task = reference.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=options))
    tasks.wait(session, task, f"the mark of machine '{name}'")


def _going(session: Session, machine_id: str) -> dict[str, str]:
    for found in retrieve(session, {_KIND: ["config.extraConfig"]}, [(_KIND, machine_id)]):
        for option in nodes.listed(found.node("config.extraConfig")):
            if nodes.text(option, "key") == MARK and nodes.text(option, "value"):
                going: dict[str, str] = json.loads(nodes.text(option, "value") or "{}")
                return going
    return {}


def status(source: Session, target: Session, name: str) -> LiveStatus:
    """What both vCenters say of the move of `name`."""
    here = lookup.find(source, name)
    if here is not None:
        task, found = _task(source, here._moId)
        if task is not None and found is not None and not found.ended:
            return _running(source, here._moId, found.percent or 0)
    arrived = _arrived(source, target, name)
    if arrived is not None:
        return _done(arrived)
    if here is None:
        return LiveStatus(LiveState.FAILED, message=f"it is neither on {source.name} nor on {target.name}")
    if not _going(source, here._moId):
        return LiveStatus(LiveState.ABSENT)
    if task is not None and found is not None and found.word == "error":
        return LiveStatus(LiveState.FAILED, message=fault_error(source.name, found.error).message)
    return LiveStatus(LiveState.ABSENT)


def _running(source: Session, machine_id: str, percent: int) -> LiveStatus:
    """The platform tells a percentage of memory and disks together."""
    machine = next(iter(inventory.read(source, [machine_id])), None)
    total = machine.memory + sum(disk.allocated for disk in machine.disks) if machine else _PERCENT
    return LiveStatus(LiveState.RUNNING, done=total * percent // _PERCENT, total=total)


def _done(machine: VirtualMachine) -> LiveStatus:
    """vCenter does not say how long the guest stood still."""
    total = machine.memory + sum(disk.allocated for disk in machine.disks)
    return LiveStatus(LiveState.DONE, done=total, total=total)


def _arrived(source: Session, target: Session, name: str) -> VirtualMachine | None:
    """The machine where its mark says that it goes; None while it is not there."""
    there = lookup.find(target, name)
    if there is None:
        return None
    going = _going(target, there._moId)
    machine = next(iter(inventory.read(target, [there._moId])), None)
    if machine is None or going.get("vcenter") != target.content.about.instanceUuid:
        return None
    if same_vcenter(source, target):
        task, found = _task(source, there._moId)
        moved = machine.host == going.get("host") and going.get("host") != going.get("from")
        return machine if moved or (found is not None and found.word == "success") else None
    return machine if machine.state is PowerState.RUNNING else None


def _task(session: Session, machine_id: str) -> tuple[Any, "tasks.State | None"]:
    """The machine's latest relocation; the server remembers it for some minutes after its end."""
    from pyVmomi import vim

    ids: Sequence[str] = ()
    for found in retrieve(session, {_KIND: ["recentTask"]}, [(_KIND, machine_id)]):
        ids = [nodes.text(one) or "" for one in nodes.listed(found.node("recentTask"))]
    known = {
        one.id: one.text("info.descriptionId") or ""
        for one in retrieve(session, {"Task": ["info.descriptionId"]}, [("Task", one) for one in ids])
    }
    moves = [one for one in ids if known.get(one, "").startswith(_RELOCATE)]
    if not moves:
        return None, None
    task = vim.Task(moves[-1], session.stub)
    return task, tasks.state_of(session, task)


def cancel(source: Session, name: str) -> None:
    """Asks the vCenter to end the move and waits until it has; the machine goes on where it was."""
    here = lookup.find(source, name)
    if here is None:
        return
    task, found = _task(source, here._moId)
    if task is not None and found is not None and not found.ended:
        tasks.cancel(source, task)
        for state in tasks.watch(source, task):
            if state.word == "success":
                raise RetryableError(
                    f"The live move of machine '{name}' was done before it could be cancelled.",
                    remedy="Move it back.",
                )
    if _going(source, here._moId):
        _unmark(source, here, name)
