"""Go back: the target is off, the source runs again and answers.

Safe to call at any point and any number of times. What the target holds is removed only if it never ran on the
production network; otherwise it is kept, off, so that nothing written there is lost.
"""

import logging
import time
from enum import StrEnum

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveMover, TrialEnder
from drover.migration import (
    along,
    backup,
    bandwidth,
    checks,
    claims,
    homecoming,
    identity,
    intents,
    leftovers,
    order,
    restore_test,
    returning,
)
from drover.migration.alone import alone, busy
from drover.migration.disks import COMPARED, journal, manifests
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import PowerState, VirtualMachine

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 60.0
_LOOK_SECONDS = 1.0


def run(move: Move) -> Facts:
    """`nothing` in the facts says why there was nothing to take back; then nothing is recorded either."""
    restore_test.try_to_clean_up(move)
    leftovers.try_to_clean_up(move)
    if why := _nothing(move):
        _let_go(move)
        return {"nothing": why}
    ahead = order.wait_for_dependants(move) if intents.declared(move.store, Intent.BEGUN) else []
    with alone(move):
        # Asked again: whoever was waited for may have been another rollback.
        if why := _nothing(move):
            return {"nothing": why}
        # Also after a failed backup: what it left open would keep the machine from starting, or fill its pool.
        if not _is_away(move):
            move.source.release_disks(move.name)
        backup.discard_unfinished(move)
        if not intents.declared(move.store, Intent.BEGUN):
            claims.release(move)
            return {"nothing": "no change had been made yet"}
        if returning.under_way(move):
            returning.refuse_gone(move)
        if ahead:
            move.store.record("rollback", "info", {"went_ahead_of": ahead})
        facts = _take_back(move)
        if facts["target"] in (Fate.LEFT, Fate.UNSEEN):
            leftovers.mark(move)
        # Only once it is recorded: killed before that, the next try must still find what there is to take back.
        _forget(move)
        return facts


def _let_go(move: Move) -> None:
    """A commit that was killed once it was recorded still holds the machine."""
    if move.store.read_json("machine.json") is None or busy(move.root, move.machine.uuid):
        return
    with alone(move):
        if returning.committed(move) and not returning.under_way(move):
            claims.release(move)


def _nothing(move: Move) -> str | None:
    if move.store.read_json("machine.json") is None:
        return "the machine was not looked at yet"
    if returning.committed(move) and not returning.under_way(move):
        return "the move is committed, and taking that back is a decision of its own"
    holder = claims.foreign(move)
    if holder and not intents.declared(move.store, Intent.BEGUN):
        return f"this run changed nothing, because the machine is being moved {holder.words}"
    claims.refuse_foreign(move)
    return None


def _is_away(move: Move) -> bool:
    """Whether what has the name at the source, if anything has, is not the machine of this run."""
    return along.at_source(move) is None if along.takes_along(move) else identity.has_another(move)


@stage("rollback")
def _take_back(move: Move) -> Facts:
    if not along.takes_along(move):
        identity.require_it(move)
    was_committed = {"committed": True, "because": returning.because(move)} if returning.under_way(move) else {}
    _end_live_move(move)
    if along.takes_along(move):
        fate = homecoming.bring_home(move)
    else:
        fate = _fence_target(move)
        _start_source(move)
    facts = _prove_source(move)
    if fate == Fate.OURS:
        fate = _remove_target(move)
    return {**facts, "target": str(fate), **was_committed}


class Fate(StrEnum):
    """What became of the machine at the target."""

    OURS = "made by this run and never started"
    REMOVED = "removed"
    NONE = "there was none"
    KEPT = "kept, off, with its disks: it ran on the production network"
    OTHERS = "left alone: this run did not make it"
    UNSEEN = "not seen: its host does not answer; whatever was made there was never started"
    LEFT = "off, and could not be removed"


def _end_live_move(move: Move) -> None:
    """The target is not asked: it may be what failed."""
    if intents.declared(move.store, Intent.LIVE_MOVE) and isinstance(move.source, LiveMover):
        if not identity.has_another(move):
            move.source.cancel_live(move.name)
        bandwidth.end_live(move)


def _may_run_there(move: Move) -> bool:
    """A target runs in production only behind an intent, and a live move only once the source has stopped."""
    if move.source.power_state(move.name) is PowerState.RUNNING:
        return False
    started = (Intent.TARGET_STARTED, Intent.LIVE_MOVE, Intent.RETURNING)
    return any(intents.declared(move.store, intent) for intent in started)


def _fence_target(move: Move) -> Fate:
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
    if machine is None:
        _refuse_renamed(move)
        return Fate.NONE
    if not _this_runs(move, machine):
        _refuse_stranger(move, machine)
        _refuse_renamed(move)
        return Fate.OTHERS
    if isinstance(move.target, TrialEnder):
        # Else a machine that a killed trial left running would count as one that ran in production.
        move.target.end_trial(move.name, move.owner)
        machine = move.target.machine(move.name)
    ran = machine.state is PowerState.RUNNING or machine.ownership is None or machine.ownership.role != "target"
    if machine.state is PowerState.RUNNING:
        _stop(move)
    move.target.power_off(move.name)
    move.target.set_autostart(move.name, False)
    if not ran:
        return Fate.OURS
    move.target.tag(move.name, move.owner_as("kept"))
    return Fate.KEPT


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
        move.target.shut_down(move.name, _SHUTDOWN_SECONDS)
    except OperatorNeededError as error:
        log.warning("%s: the target did not shut down by itself and is switched off: %s", move.name, error)


def _start_source(move: Move) -> None:
    tag = move.source.machine(move.name).ownership
    if tag is not None and tag.role == "migrated":
        if (tag.wave, tag.run) != (move.wave.wave, move.run):
            # Law: never two. It is what another run left behind, and that run's target is the machine now.
            identity.refuse_migrated(move.source.machine(move.name))
        move.source.tag(move.name, move.owner_as("returned"))
    if move.machine.state is PowerState.RUNNING:
        _await_late_shutdown(move)
        intents.declare(move.store, Intent.SOURCE_BACK)
        move.source.power_on(move.name)
    move.source.set_autostart(move.name, move.machine.autostart)


def _await_late_shutdown(move: Move) -> None:
    """A guest that was asked to shut down and still runs may do so any moment; then it must be started after that."""
    if not intents.declared(move.store, Intent.SOURCE_DOWN) or intents.declared(move.store, Intent.SOURCE_BACK):
        return
    end = time.monotonic() + move.plan.shutdown_deadline
    while move.source.power_state(move.name) is not PowerState.OFF and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)


def _prove_source(move: Move) -> Facts:
    """The source answers the same checks that the target would have had to pass, and runs after them too."""
    if move.machine.state is not PowerState.RUNNING:
        state = move.source.power_state(move.name)
        if state is move.machine.state:
            return {"source": f"{state}, as it was"}
        log.warning("%s: it was %s when the run began and is %s now.", move.name, move.machine.state, state)
        return {"source": f"{state}, and it was {move.machine.state} when the run began"}
    outcome = checks.verdict(move, "rollback", checks.run_checks(move, checks.direct, move.plan.boot_deadline))
    if not outcome.passed:
        raise RetryableError(
            f"Machine '{move.name}' was started at the source again but failed: {' '.join(outcome.failures)}",
            remedy="Look at its console at the source; its disks were never written by Drover.",
        )
    if move.source.power_state(move.name) is not PowerState.RUNNING:
        raise RetryableError(
            f"Machine '{move.name}' stopped at the source after it had been started again.",
            remedy="It is started once more; look at its console at the source.",
        )
    return {"source": "running", "checks": outcome.checks}


def _remove_target(move: Move) -> Fate:
    """What was made and never ran; where it cannot be removed it stays off, and the record says so."""
    try:
        move.target.remove(move.name, move.owner)
    except DroverError as error:
        log.warning("%s: what was made at the target could not be removed: %s", move.name, error)
        return Fate.LEFT
    return Fate.REMOVED


def _forget(move: Move) -> None:
    """The source runs on, so nothing that was read from it before is worth resuming."""
    for disk in move.machine.disks:
        journal(move, disk.name).unlink(missing_ok=True)
    for side in ("source", "target"):
        manifests(move, side).discard()
    move.store.write_json(COMPARED, {})
    intents.withdraw(move.store)
    claims.release(move)
