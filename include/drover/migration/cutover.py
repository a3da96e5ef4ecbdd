"""Let the target take over: only after a passed validation and a verified backup, and never beside the source."""

import logging
import time

from drover.errors import OperatorNeededError, RetryableError
from drover.migration import along, backup, checks, claims, identity, intents, restore_test, returning
from drover.migration.approval import steps_before_cutover
from drover.migration.disks import refuse_changed_source
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.model import PowerState, Strategy

log = logging.getLogger(__name__)

# Seconds. A host or a store that is away for a while; within the task's own limit, whatever the guest's deadline.
_PATIENCE = 20 * 60.0
_AGAIN = 15.0


def run(move: Move) -> Facts:
    """Once the target was started, what may succeed later is tried again for a while: given up, a machine that may be
    well would be taken back, and lose what it has written since."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return _take_over(move)
        except RetryableError as error:
            if intents.declared(move.store, Intent.TARGET_STARTED) is None or time.monotonic() > end:
                raise
            log.warning("%s: the target was started; the rest is tried again: %s", move.name, error)
        time.sleep(_AGAIN)


@stage("cutover")
def _take_over(move: Move) -> Facts:
    require(move, *steps_before_cutover(move))
    claims.refuse_foreign(move)
    returning.refuse_over(move)
    restore_test.require_proof(move)
    backup.check_whole(move)
    _refuse_two(move)
    if move.plan.strategy is Strategy.COLD:
        # Also of a machine that was off: somebody may have started it since, and stopped it again.
        refuse_changed_source(move)
        # That took a while.
        _refuse_running_source(move)
    if move.machine.state is not PowerState.RUNNING:
        return {"target": "off, as the source was", "checks": 0, "downtime_seconds": 0.0}
    intents.declare(move.store, Intent.TARGET_STARTED)
    intents.withdraw(move.store, Intent.SOURCE_BACK)
    if move.plan.strategy is Strategy.COLD:
        # From here on what is at the target may be worth more than the source, and is never removed.
        move.target.tag(move.name, move.owner_as("started"))
        move.target.power_on(move.name)
    results = checks.run_checks(move, checks.direct, move.plan.boot_deadline)
    answered = time.time()
    outcome = checks.verdict(move, "cutover", results)
    if not outcome.passed:
        raise OperatorNeededError(
            f"Machine '{move.name}' runs at the target but failed: {' '.join(outcome.failures)}",
            remedy="The source is started again; what the target wrote is kept there, off.",
        )
    refuse_stopped(move)
    return {"checks": outcome.checks, "downtime_seconds": _downtime(move, answered)}


def refuse_stopped(move: Move) -> None:
    """A machine without checks answers none: that it runs is asked of its host.

    :raises OperatorNeededError: it does not run at the target.
    """
    state = move.target.power_state(move.name)
    if state is not PowerState.RUNNING:
        raise OperatorNeededError(
            f"Machine '{move.name}' is {state} at the target after it was started.",
            remedy="Look at its console there; the move is taken back.",
        )


def _refuse_two(move: Move) -> None:
    """Law: never two. Asked at both ends, right before the target may run."""
    if along.takes_along(move):
        along.refuse_left_behind(move)
    else:
        _refuse_running_source(move)
    refuse_replaced(move)


def refuse_replaced(move: Move) -> None:
    """:raises OperatorNeededError: what has the name at the target is not what this move made there."""
    if not move.owns(move.target.find(move.name)):
        raise OperatorNeededError(
            f"Machine '{move.name}' at the target was not made by this wave.",
            remedy="Someone replaced it during the move; look at its definition before the next try.",
        )


def _refuse_running_source(move: Move) -> None:
    identity.refuse_another(move)
    state = move.source.power_state(move.name)
    if state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{move.name}' is {state} at the source, so the target must not run.",
            remedy="Find out who started it; the move is taken back.",
        )


def _downtime(move: Move, answered: float) -> float:
    """Cold: from asking the guest to shut down until its checks answered. Live: what the transfer measured."""
    if move.plan.strategy is Strategy.LIVE:
        transfer = move.store.last("transfer", "passed")
        return float(transfer.facts.get("downtime_seconds", 0.0)) if transfer else 0.0
    down = intents.declared(move.store, Intent.SOURCE_DOWN)
    return round(answered - down, 3) if down else 0.0
