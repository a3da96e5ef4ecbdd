"""Law: never two. The target is off, or was never let run, before a rollback starts the source.

What cannot be asked is believed to run, wherever it was let run; what was never let run keeps no source off.
"""

import logging
from enum import StrEnum

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.port import TrialEnder
from drover.migration import identity, intents
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.model import PowerState, VirtualMachine

log = logging.getLogger(__name__)

# What it wrote since its start is nowhere else, so it has as long as at the source to write it to its disks.
_LEAST_SECONDS = 60.0


class Fate(StrEnum):
    """What became of the machine at the target."""

    OURS = "made by this run and never started"
    REMOVED = "removed"
    NONE = "there was none"
    KEPT = "kept, off, with its disks: it ran on the production network"
    OTHERS = "left alone: this run did not make it"
    UNSEEN = "not seen: its host does not answer; whatever was made there was never started"
    LEFT = "off, and could not be removed"


def _may_run_there(move: Move) -> bool:
    """A target runs in production only behind an intent, and a live move only once the source has stopped.

    Somebody, or the source's cluster, may have started the source beside it. Once a rollback has, the target was off.
    """
    started = {Intent.TARGET_STARTED, Intent.LIVE_MOVE, Intent.RETURNING}
    if move.source.power_state(move.name) is PowerState.RUNNING:
        if intents.declared(move.store, Intent.SOURCE_BACK):
            return False
        started.remove(Intent.LIVE_MOVE)
    return any(intents.declared(move.store, intent) for intent in started)


def fence_target(move: Move) -> Fate:
    """Makes sure that the target is off before the source may run."""
    try:
        machine = move.target.find(move.name)
    except DroverError as error:
        # Also one that refuses us: what a person must mend there does not keep the source off.
        if _may_run_there(move):
            raise RetryableError(
                f"Machine '{move.name}' may run at the target, which does not answer, so the source stays off: {error}",
                remedy="Make sure that the target is off; this rollback is tried again until its host answers.",
            ) from error
        log.warning("%s: the target does not answer; it was never started there, so the source may run.", move.name)
        return Fate.UNSEEN
    if machine is None or not _this_runs(move, machine):
        _refuse_unseen(move, machine)
        return Fate.NONE if machine is None else Fate.OTHERS
    if isinstance(move.target, TrialEnder):
        # Else a machine that a killed trial left running would count as one that ran in production.
        if not _trial_ended(move, move.target):
            return Fate.LEFT
        machine = move.target.machine(move.name)
    ran = machine.state is PowerState.RUNNING or machine.ownership is None or machine.ownership.role != "target"
    if machine.state is PowerState.RUNNING:
        _stop(move)
    move.target.power_off(move.name)
    if machine.autostart:
        move.target.set_autostart(move.name, False)
    if not ran:
        return Fate.OURS
    _keep(move, machine)
    return Fate.KEPT


def _trial_ended(move: Move, target: TrialEnder) -> bool:
    """False where what a killed trial left cannot be put back, of a machine that is off and was never let run."""
    try:
        target.end_trial(move.name, move.owner)
    except DroverError as error:
        if _may_run_there(move) or move.target.power_state(move.name) is not PowerState.OFF:
            raise
        log.warning("%s: a trial at the target cannot be ended: %s", move.name, error)
        return False
    return True


def _keep(move: Move, machine: VirtualMachine) -> None:
    try:
        move.target.tag(move.name, move.owner_as("kept"))
    except DroverError as error:
        if machine.ownership is None or machine.ownership.role == "target":
            # Nothing else says that it ran, and what is not known to have run is removed.
            raise
        log.warning("%s: the target is off, and could not be marked as kept: %s", move.name, error)


def _refuse_unseen(move: Move, machine: VirtualMachine | None) -> None:
    """What has the machine's name there, if anything has, is not what this run made: is that anywhere else?"""
    if machine is not None:
        _refuse_stranger(move, machine)
    _refuse_renamed(move)
    if _may_run_there(move):
        identity.refuse_elsewhere(move)


def _refuse_renamed(move: Move) -> None:
    """Law: never two. What runs there under a name that somebody gave it since is the same machine.

    :raises OperatorNeededError: there is such a machine, and it is not off.
    """
    if not _may_run_there(move):
        return
    for other in move.target.machines():
        if (other.uuid == move.machine.uuid or _this_runs(move, other)) and other.state is not PowerState.OFF:
            raise OperatorNeededError(
                f"Machine '{move.name}' is called '{other.name}' at the target by now, and is {other.state} there.",
                remedy="Switch it off there or give it its name back, then run this rollback again.",
            )


def _this_runs(move: Move, machine: VirtualMachine) -> bool:
    return move.owns(machine) and machine.ownership is not None and machine.ownership.run == move.run


def _refuse_stranger(move: Move, machine: VirtualMachine) -> None:
    """What is not ours is not touched; if it is the same machine and runs, the source must not run beside it."""
    if machine.uuid == move.machine.uuid and machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{move.name}' is {machine.state} at the target and does not carry the tag of this run.",
            remedy="Find out who started it, switch it off, then run this rollback again.",
        )


def _stop(move: Move) -> None:
    try:
        move.target.shut_down(move.name, max(_LEAST_SECONDS, move.plan.shutdown_deadline))
    except OperatorNeededError as error:
        log.warning("%s: the target did not shut down by itself and is switched off: %s", move.name, error)
