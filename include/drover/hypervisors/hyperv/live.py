"""Live Migration to another Hyper-V host, disks and all, with nothing shared between the two.

Move-VM only asks the host's own service for the move and waits; the service carries it out, so it outlives whoever
asked. Its jobs tell how far it is, and for five minutes how it ended. Before it begins, the machine's notes say whose
move it is; notes travel with the machine, so a retry finds the move, running or done, by asking both hosts.
"""

import ipaddress
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath
from typing import Any

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import half_made, inventory, scripts, tags, translate
from drover.hypervisors.hyperv.define import plain
from drover.hypervisors.hyperv.double_hop import explained
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import LiveObstacle, LiveState, LiveStatus, TargetSettings
from drover.model import PowerState, VirtualMachine

log = logging.getLogger(__name__)

# CIM's words for a job's state.
_RUNNING = (2, 3, 4, 5, 6)
_COMPLETED = 7
# Seconds. Comparing makes the machine over there for a moment, and looks at every disk.
_COMPARING = 600.0
_BEGINNING = 120
_CANCELLING = 300.0
_LOOK = 1.0
_PERCENT = 100
_NO_SWITCH = "33012"
_SAVED_STATE = "40004"
_CHOOSE_COLD = "Correct that, or give the machine the strategy 'cold'."


@dataclass(frozen=True, slots=True)
class Job:
    """One move, as the host that carries it out tells of it."""

    state: int
    percent: int
    error: str

    @property
    def running(self) -> bool:
        return self.state in _RUNNING


def obstacles(source: Session, target: Session, name: str, settings: TargetSettings) -> list[LiveObstacle]:
    """What Compare-VM says against the move. Nothing is changed.

    :raises OperatorNeededError: it cannot be asked: a mapping is missing, or no login reaches the other host.
    """
    machine = inventory.machine(source, name)
    offer = translate.survey(target)
    return _compare(source, target, machine, _wanted(machine, settings, offer), offer, start=False)


def start(
    source: Session, target: Session, name: str, settings: TargetSettings, *, bandwidth: int | None, paused: bool
) -> None:
    """:raises OperatorNeededError: the machine does not run, or the hosts refuse the move; says why.
    :raises RetryableError: a host carries out as many moves as it may.
    """
    if status(source, target, name).state in (LiveState.RUNNING, LiveState.DONE):
        return
    if paused:
        raise OperatorNeededError(
            f"Live Migration cannot leave machine '{name}' paused at the target, so its disks are not compared there.",
            remedy="Take 'compare_at_switchover' out of the wave for this machine, or move it 'cold'.",
        )
    machine = inventory.machine(source, name)
    if machine.state is not PowerState.RUNNING:
        raise OperatorNeededError(
            f"Machine '{name}' on {source.target.host} is {machine.state.value}, so it cannot be moved live.",
            remedy="Start it, or give it the strategy 'cold'.",
        )
    if bandwidth is not None:
        log.warning("Live Migration knows no limit for one move; '%s' goes as fast as the network lets it.", name)
    for session in (source, target):
        _require_slot(session)
    offer = translate.survey(target)
    wanted = _wanted(machine, settings, offer)
    making = tags.Making(offer.host.name, tuple(disk.path for disk in wanted.disks))
    half_made.clear_the_way(target, machine, _notes(machine), making)
    mark = tags.begun(_notes(machine), replace(settings.owner, role="started"), making)
    scripts.run(source, "tag", id=machine.id, notes=mark)
    try:
        against = _compare(source, target, machine, wanted, offer, start=True)
    except RetryableError:
        raise  # Whether it began is not known; the next try finds it by its mark.
    except DroverError:
        _put_back(source, machine)
        raise
    if against:
        _put_back(source, machine)
        raise OperatorNeededError(
            f"Machine '{name}' cannot be moved live from {source.target.host} to {target.target.host}: "
            f"{' '.join(one.message for one in against)}",
            remedy=" ".join(dict.fromkeys(one.remedy or _CHOOSE_COLD for one in against)),
        )


def _put_back(source: Session, machine: VirtualMachine) -> None:
    """The notes as they were before the move was refused."""
    scripts.run(source, "tag", id=machine.id, notes=_notes(machine))


def _wanted(machine: VirtualMachine, settings: TargetSettings, offer: translate.Offer) -> VirtualMachine:
    wanted = translate.describe(machine, settings, offer)
    if not wanted.disks:
        raise OperatorNeededError(
            f"Machine '{machine.name}' has no disk, so nothing says where it goes.", remedy="Move it 'cold'."
        )
    return wanted


def _compare(
    source: Session,
    target: Session,
    machine: VirtualMachine,
    wanted: VirtualMachine,
    offer: translate.Offer,
    *,
    start: bool,
) -> list[LiveObstacle]:
    adapters = [{"mac": plain(nic.mac), "switch": nic.network} for nic in wanted.nics]
    pairs = zip(machine.disks, wanted.disks, strict=True)
    with explained(source, target):
        answer = scripts.run(
            source,
            "live",
            deadline=_COMPARING + _BEGINNING,
            id=machine.id,
            host=_called(target, offer.host.name),
            folder=str(PureWindowsPath(wanted.disks[0].path).parent),
            disks=[{"source": mine.path, "destination": theirs.path} for mine, theirs in pairs],
            adapters=adapters,
            start=start,
            patience=_BEGINNING,
        )
    return [_obstacle(one, adapters, target) for one in answer[-1]["against"]]


def _called(target: Session, own_name: str) -> str:
    """What the source's host calls the other one. By an address alone, no login by Kerberos or CredSSP succeeds."""
    if target.target.kerberos_host:
        return target.target.kerberos_host
    try:
        ipaddress.ip_address(target.target.host)
    except ValueError:
        return target.target.host
    return own_name


def _obstacle(answer: Mapping[str, Any], adapters: Sequence[Mapping[str, str]], target: Session) -> LiveObstacle:
    remedies = {
        _NO_SWITCH: f"Make the virtual switches on {target.target.host} that the wave maps to "
        f"({', '.join(sorted({one['switch'] for one in adapters}))}), or one of the name that is missed.",
        _SAVED_STATE: "Discard the saved state (Remove-VMSavedState) if nobody needs it.",
    }
    said = " ".join(str(answer["message"]).split()).rstrip(".")
    return LiveObstacle(str(answer["id"]), f"Hyper-V says: {said}.", remedies.get(str(answer["id"])))


def _require_slot(session: Session) -> None:
    host, name = scripts.run_one(session, "host"), session.target.host
    if not host["liveEnabled"]:
        raise OperatorNeededError(
            f"Live Migration is off on {name}.", remedy="Turn it on there with Enable-VMMigration, or move it 'cold'."
        )
    if not (host["liveAnyNetwork"] or host["liveNetworks"]):
        raise OperatorNeededError(
            f"{name} has no network for Live Migration.",
            remedy="Name one there (Add-VMMigrationNetwork), or allow any (Set-VMHost -UseAnyNetworkForMigration).",
        )
    # With storage a move takes one of either kind.
    allowed = min(host["liveSlots"], host["storageSlots"])
    running = sum(job.running for jobs in _jobs(session).values() for job in jobs)
    if running >= allowed:
        raise RetryableError(
            f"{name} moves {running} machines already, and its settings allow {allowed} at a time.",
            remedy="It is tried again; Set-VMHost raises MaximumVirtualMachineMigrations and MaximumStorageMigrations.",
        )


# Which move it is on


def _jobs(session: Session) -> dict[str, list[Job]]:
    """By the machine's id in lower case; each machine's latest first."""
    found: dict[str, list[Job]] = {}
    for one in sorted(scripts.run(session, "live-jobs"), key=lambda one: str(one["submitted"]), reverse=True):
        said = " ".join(str(one["error"]).split())
        found.setdefault(one["machine"].lower(), []).append(Job(one["state"], one["percent"], said))
    return found


def _latest(session: Session, machine_id: str) -> Job | None:
    return next(iter(_jobs(session).get(machine_id.lower(), [])), None)


def _is_marked(machine: VirtualMachine) -> bool:
    return machine.ownership is not None and machine.ownership.role == "started"


def _notes(machine: VirtualMachine) -> str:
    return str(json.loads(machine.native)["notes"])


def status(source: Session, target: Session, name: str) -> LiveStatus:
    """What both hosts say of the move of `name`."""
    here = inventory.find(source, name)
    if here is None:
        return _arrived(source, target, name)
    if not _is_marked(here):
        return LiveStatus(LiveState.ABSENT)
    job = _latest(source, here.id or "")
    if job is None:
        message = f"{source.target.host} knows nothing of a move of it, as after a restart of that host"
        return LiveStatus(LiveState.ABSENT, message=message)
    # One that is completed may have yet to take the machine away from here.
    if job.running or (job.state == _COMPLETED and inventory.find_id(target, name) is not None):
        total = _total(here)
        return LiveStatus(LiveState.RUNNING, done=total * job.percent // _PERCENT, total=total)
    if job.state == _COMPLETED:
        return LiveStatus(LiveState.ABSENT)
    return LiveStatus(LiveState.FAILED, message=job.error or "Hyper-V gave no reason")


def _arrived(source: Session, target: Session, name: str) -> LiveStatus:
    there = inventory.find(target, name)
    if there is None:
        where = f"neither on {source.target.host} nor on {target.target.host}"
        return LiveStatus(LiveState.FAILED, message=f"it is {where}")
    if there.ownership is None:
        return LiveStatus(LiveState.FAILED, message=f"'{name}' on {target.target.host} is another machine")
    total = _total(there)
    return LiveStatus(LiveState.DONE, done=total, total=total)  # How long the guest stood still, Hyper-V does not say.


def _total(machine: VirtualMachine) -> int:
    """The host tells a percentage of memory and disks together."""
    return machine.memory + sum(disk.allocated for disk in machine.disks)


def cancel(source: Session, name: str) -> None:
    """Asks the host to end the move and waits until it has; the machine goes on where it was."""
    here = inventory.find(source, name)
    if here is None:
        return
    machine_id = here.id or ""
    until = time.monotonic() + _CANCELLING
    job = _latest(source, machine_id)
    if job is not None and job.running:
        scripts.run(source, "live-cancel", id=machine_id)
    while job is not None and job.running:
        if time.monotonic() > until:
            raise RetryableError(
                f"{source.target.host} does not end the live move of machine '{name}'.",
                remedy="See the event log of Hyper-V-VMMS there; then run this step again.",
            )
        time.sleep(_LOOK)
        job = _latest(source, machine_id)
    if job is not None and job.state == _COMPLETED and inventory.find(source, name) is None:
        raise RetryableError(
            f"The live move of machine '{name}' was done before it could be cancelled.", remedy="Move it back."
        )
    if _is_marked(here):
        scripts.run(source, "tag", id=machine_id, notes=tags.cancelled(_notes(here)))
