"""Go back: the target is off, the source runs again and answers.

Safe to call at any point and any number of times. What the target holds is removed only if it never ran on the
production network; otherwise it is kept, off, so that nothing written there is lost.
"""

import logging

from drover.errors import DroverError, OperatorNeededError
from drover.hypervisors.port import LiveMover
from drover.migration import checks, intents
from drover.migration.disks import journal, manifests
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import PowerState, Strategy, VirtualMachine

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 60.0


@stage("rollback")
def run(move: Move) -> Facts:
    if move.store.read_json("machine.json") is None:
        return {"done": "nothing; the machine was not looked at yet"}
    if intents.declared(move.store, Intent.COMMITTED) and move.store.last("commit", "passed"):
        return {"done": "nothing; the move is committed, and taking it back is a decision of its own"}
    _end_live_move(move)
    kept = _fence_target(move)
    _start_source(move)
    facts = _prove_source(move)
    if not kept:
        _remove_target(move)
    _forget(move)
    return {**facts, "target": "kept, off" if kept else "removed"}


def _end_live_move(move: Move) -> None:
    """The target is not asked: it may be what failed."""
    if intents.declared(move.store, Intent.LIVE_MOVE) and isinstance(move.source, LiveMover):
        move.source.cancel_live(move.name)


def _may_have_run(move: Move) -> bool:
    """A target runs in production only behind an intent; a live move without a pause starts it by itself."""
    live = intents.declared(move.store, Intent.LIVE_MOVE) and not move.plan.compare_at_switchover
    return bool(intents.declared(move.store, Intent.TARGET_STARTED) or live)


def _fence_target(move: Move) -> bool:
    """Makes sure that the target is off. True where it ran in production, so that its disks must be kept."""
    try:
        machine = move.target.find(move.name)
    except DroverError as error:
        if _may_have_run(move):
            raise OperatorNeededError(
                f"Machine '{move.name}' may run at the target, which does not answer, so the source stays off: {error}",
                remedy="Make sure that the target is off, then run this rollback again.",
            ) from error
        log.warning("%s: the target does not answer; it was never started there, so the source may run.", move.name)
        return False
    if machine is None or not move.owns(machine):
        _refuse_stranger(move, machine)
        return False
    ran = _may_have_run(move) and machine.state is not PowerState.PAUSED
    if machine.state is PowerState.RUNNING:
        _stop(move)
    move.target.power_off(move.name)
    move.target.set_autostart(move.name, False)
    ran = ran and _switched_over(move)
    if ran:
        move.target.tag(move.name, move.owner_as("kept"))
    return ran


def _refuse_stranger(move: Move, machine: VirtualMachine | None) -> None:
    """What is not ours is not touched; if it is the same machine and runs, the source must not run beside it."""
    if machine is not None and machine.uuid == move.machine.uuid and machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{move.name}' is {machine.state} at the target and does not carry this wave's tag.",
            remedy="Find out who started it, switch it off, then run this rollback again.",
        )


def _switched_over(move: Move) -> bool:
    """A live move that was ended on its way leaves the source running: nothing was written at the target then."""
    return move.plan.strategy is Strategy.COLD or move.source.power_state(move.name) is PowerState.OFF


def _stop(move: Move) -> None:
    try:
        move.target.shut_down(move.name, _SHUTDOWN_SECONDS)
    except OperatorNeededError as error:
        log.warning("%s: the target did not shut down by itself and is switched off: %s", move.name, error)


def _start_source(move: Move) -> None:
    tag = move.source.machine(move.name).ownership
    if tag is not None and tag.role == "migrated":
        move.source.tag(move.name, move.owner_as("returned"))
    if move.machine.state is PowerState.RUNNING:
        move.source.power_on(move.name)
    move.source.set_autostart(move.name, move.machine.autostart)


def _prove_source(move: Move) -> Facts:
    """The source answers the same checks that the target would have had to pass."""
    if move.machine.state is not PowerState.RUNNING:
        return {"source": "off, as it was"}
    outcome = checks.verdict(move, "rollback", checks.run_checks(move, checks.direct, move.plan.boot_deadline))
    if not outcome.passed:
        raise OperatorNeededError(
            f"Machine '{move.name}' was started at the source again but failed: {' '.join(outcome.failures)}",
            remedy="Look at its console at the source; its disks were never written by Drover.",
        )
    return {"source": "running", "checks": outcome.checks}


def _remove_target(move: Move) -> None:
    """What was made and never ran; a target host that is gone keeps it, which the record then says."""
    try:
        move.target.remove(move.name, move.owner)
    except DroverError as error:
        log.warning("%s: what was made at the target could not be removed: %s", move.name, error)


def _forget(move: Move) -> None:
    """The source runs on, so nothing that was read from it before is worth resuming."""
    for disk in move.machine.disks:
        journal(move, disk.name).unlink(missing_ok=True)
    for side in ("source", "target"):
        manifests(move, side).discard()
    intents.withdraw(move.store)
