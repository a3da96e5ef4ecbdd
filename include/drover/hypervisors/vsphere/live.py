"""vMotion: to another host, another datastore, both, or another vCenter. The platform moves the machine, disks and all.

The vCenter drives the move, so it outlives whoever asked for it; a retry finds it by the machine's mark (marks.py).
"""

import logging
import time
from dataclasses import replace
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveObstacle, LiveState, LiveStatus, TargetSettings
from drover.hypervisors.vsphere import inventory, lookup, marks, power, relocate, tasks
from drover.hypervisors.vsphere.errors import fault_error
from drover.hypervisors.vsphere.marks import Going
from drover.hypervisors.vsphere.place import Esx, Site, survey
from drover.hypervisors.vsphere.recent import user_of
from drover.hypervisors.vsphere.relocate import reference_of, same_vcenter
from drover.hypervisors.vsphere.session import Session
from drover.model import PowerState, VirtualMachine

log = logging.getLogger(__name__)
_PERCENT = 100
# How long a move that was asked to end may take for it.
_ENDING = 600.0


def obstacles(source: Session, target: Session, name: str, settings: TargetSettings) -> list[LiveObstacle]:
    """What the platform's own check says against the move, or that it has none. Nothing is changed."""
    machine = inventory.machine(source, name)
    site = survey(target)
    host = _host(source, target, machine, site, settings)
    return relocate.check(source, machine, relocate.spec(source, target, machine, site, host, settings))


def start(
    source: Session, target: Session, name: str, settings: TargetSettings, *, bandwidth: int | None, paused: bool
) -> None:
    """:raises OperatorNeededError: the machine does not run, or the platform refuses the move; says why."""
    wish = marks.asked(target, settings)
    if _begun(source, target, name, wish):
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
    told = relocate.check(source, machine, spec)
    for one in told:
        if not one.blocks:
            log.warning("Of the live move of machine '%s' (%s): %s", name, one.id, one.message)
    against = [one for one in told if one.blocks]
    if against:
        raise OperatorNeededError(
            f"Machine '{name}' cannot be moved live from {source.name} to {host.name}: "
            f"{' '.join(one.message for one in against)}",
            remedy="Correct that in the vSphere client, or give the machine the strategy 'cold'.",
        )
    reference = reference_of(source, machine)
    # Before it begins: where it goes, whose it is, and that it may run there.
    going = _going(source, target, machine, host, settings, wish)
    marks.put_on(source, reference, name, going, replace(settings.owner, role="started"))
    with source.errors():
        reference.RelocateVM_Task(spec, "defaultPriority")


def _begun(source: Session, target: Session, name: str, wish: str) -> bool:
    """Whether this very move runs or is done already.

    A machine that has arrived still carries the mark of that move: the way back from there is another one.
    """
    state = status(source, target, name).state
    end = source if state is LiveState.RUNNING else target
    found = lookup.find(end, name) if state in (LiveState.RUNNING, LiveState.DONE) else None
    going = marks.read(end, found._moId) if found is not None else None
    if state is LiveState.RUNNING and (going is None or going.asked != wish):
        raise RetryableError(
            f"Machine '{name}' on {source.name} is on another live move.", remedy="Try again when that one has ended."
        )
    return going is not None and going.asked == wish


def _going(
    source: Session, target: Session, machine: VirtualMachine, host: Esx, settings: TargetSettings, wish: str
) -> Going:
    with source.errors():
        now = source.service_instance.CurrentTime()
    return Going(
        asked=wish,
        vcenter=target.content.about.instanceUuid,
        host=host.name,
        origin=machine.host,
        stores=tuple(settings.storage.get(disk.pool or "", "") for disk in machine.disks),
        instance=inventory.instance(machine),
        begun=now.isoformat(),
        user=user_of(source),
        before=marks.before(source, machine.id or "", wish),
    )


def _host(source: Session, target: Session, machine: VirtualMachine, site: Site, settings: TargetSettings) -> Esx:
    """Within one vCenter it is the machine's own host only where that was asked for: its storage moves then."""
    host = site.host_for(machine, settings)
    if same_vcenter(source, target) and host.name == machine.host and settings.host != machine.host:
        others = tuple(one for one in site.hosts if one.name != machine.host)
        if not any(one.offered_as(settings.host or site.chosen) for one in others):
            raise OperatorNeededError(
                f"Machine '{machine.name}' is on {machine.host}, and {target.name} offers it no other ESXi host.",
                remedy=f"To move its disks alone, name '{machine.host}' as its host in the wave; else name another.",
            )
        return replace(site, hosts=others).host_for(machine, settings)
    return host


def status(source: Session, target: Session, name: str) -> LiveStatus:
    """What both vCenters say of the move of `name` that its mark tells of; other moves of it are not ours to tell."""
    here = lookup.find(source, name)
    going = marks.read(source, here._moId) if here is not None else None
    task, found = marks.task_of(source, here._moId, going) if here is not None and going is not None else (None, None)
    if here is not None and found is not None and not found.ended:
        return _running(source, here._moId, found.percent or 0)
    arrived = _arrived(source, target, name)
    if arrived is not None:
        return _done(arrived)
    if here is None:
        return LiveStatus(LiveState.FAILED, message=_whereabouts(source, target, name))
    if found is not None and found.word == "error":
        return LiveStatus(LiveState.FAILED, message=fault_error(source.name, found.error).message)
    return LiveStatus(LiveState.ABSENT)


def _whereabouts(source: Session, target: Session, name: str) -> str:
    """Of a machine that has left the source, and does not run at the target."""
    there = lookup.find(target, name)
    if there is None:
        return f"it is neither on {source.name} nor on {target.name}"
    state = power.state_of(target, there)
    return f"it is on {target.name}, and {state.value if state is not PowerState.OTHER else 'suspended'}"


def _running(source: Session, machine_id: str, percent: int) -> LiveStatus:
    """The platform tells a percentage of memory and disks together."""
    machine = next(iter(inventory.read(source, [machine_id])), None)
    total = machine.memory + sum(disk.allocated for disk in machine.disks) if machine else _PERCENT
    return LiveStatus(LiveState.RUNNING, done=total * percent // _PERCENT, total=total)


def _done(machine: VirtualMachine) -> LiveStatus:
    """vCenter does not say how long the guest stood still."""
    total = machine.memory + sum(disk.allocated for disk in machine.disks)
    return LiveStatus(LiveState.DONE, done=total, total=total)


def _is_at(machine: VirtualMachine, going: Going) -> bool:
    """Whether the machine is where its mark says that it goes."""
    stores = tuple(disk.pool or "" for disk in machine.disks)
    return machine.host == going.host and stores == going.stores


def _arrived(source: Session, target: Session, name: str) -> VirtualMachine | None:
    """The machine where its mark says that it goes; None while it is not there.

    Behind one vCenter the move's own task tells; where the server has forgotten that, host and disks must be right.
    """
    there = lookup.find(target, name)
    going = marks.read(target, there._moId) if there is not None else None
    machine = next(iter(inventory.read(target, [there._moId])), None) if there is not None else None
    if going is None or machine is None or going.vcenter != target.content.about.instanceUuid:
        return None
    if going.instance != inventory.instance(machine):  # A clone carries the mark of what it was made from.
        return None
    if same_vcenter(source, target):
        _, found = marks.task_of(source, there._moId, going)
        done = _is_at(machine, going) if found is None else found.word == "success"
        return machine if done else None
    here = inventory.find(source, name)
    left = here is None or inventory.instance(here) != going.instance
    return machine if left and machine.state is PowerState.RUNNING else None


def cancel(source: Session, name: str) -> None:
    """Asks the vCenter to end our move and waits until it has; the machine goes on where it was, as it was.

    Does nothing to a move that somebody else began, nor where the machine has arrived: that is a matter of moving it
    back, which needs its tag.
    """
    here = lookup.find(source, name)
    going = marks.read(source, here._moId) if here is not None else None
    if here is None or going is None:
        return
    task, found = marks.task_of(source, here._moId, going)
    if found is not None and not found.ended:
        tasks.cancel(source, task)
        if _ended(source, task, name).word == "success":
            raise RetryableError(
                f"The live move of machine '{name}' was done before it could be cancelled.", remedy="Move it back."
            )
    elif _has_moved(source, here._moId, going, found):
        return
    marks.take_off(source, here, name, going)


def _has_moved(source: Session, machine_id: str, going: Going, found: "tasks.State | None") -> bool:
    """Whether it has arrived at another place behind this very vCenter."""
    if going.vcenter != source.content.about.instanceUuid:
        return False
    machine = next(iter(inventory.read(source, [machine_id])), None)
    done = found.word == "success" if found is not None else machine is not None and _is_at(machine, going)
    return done and machine is not None and going.instance == inventory.instance(machine)


def _ended(source: Session, task: Any, name: str) -> tasks.State:
    until = time.monotonic() + _ENDING
    for state in tasks.watch(source, task):
        if state.ended:
            return state
        if time.monotonic() > until:
            break
    raise RetryableError(
        f"{source.name} does not end the live move of machine '{name}', though it was cancelled.",
        remedy="End it in the vSphere client; this is tried again.",
    )
