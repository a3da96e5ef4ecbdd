"""The source runs again and answers: at the end of a rollback, and once more where its guest went off after that."""

import logging
import time

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.migration import checks, claims, identity, intents, late
from drover.migration.alone import alone
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, in_spite_of_the_store, stage
from drover.model import PowerState

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


def start(move: Move) -> None:
    """:raises OperatorNeededError: it is what another run's committed move left behind."""
    tag = move.source.machine(move.name).ownership
    if tag is not None and tag.role == "migrated":
        if (tag.wave, tag.run) != (move.wave.wave, move.run):
            # Law: never two. It is what another run left behind, and that run's target is the machine now.
            identity.refuse_migrated(move.source.machine(move.name))
        move.source.tag(move.name, move.owner_as("returned"))
    if move.machine.state is PowerState.RUNNING:
        _await_late_shutdown(move)
        with in_spite_of_the_store(move):
            intents.declare(move.store, Intent.SOURCE_BACK)
        move.source.power_on(move.name)
    move.source.set_autostart(move.name, move.machine.autostart)


def _await_late_shutdown(move: Move) -> None:
    """A guest that was asked to shut down and still runs may do so any moment; then it must be started after that."""
    asked = intents.declared(move.store, Intent.SOURCE_DOWN) and not intents.declared(move.store, Intent.SOURCE_OFF)
    again = intents.declared(move.store, Intent.SOURCE_BACK)
    end = time.monotonic() + (move.plan.shutdown_deadline if asked and not again else 0.0)
    while not (off := move.source.power_state(move.name) is PowerState.OFF) and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    if off:
        late.forget(move)
    elif asked and not again:
        # Before it counts as started: killed in between, the next try looks at the machine once more.
        late.mark(move)


def prove(move: Move) -> Facts:
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


# After the rollback


def look_after(move: Move) -> Facts | None:
    """Starts a source that went off after its rollback, because it had been asked to before.

    :returns: None where no such order is under way; `nothing` in the facts says why nothing was done.
    :raises OperatorNeededError: it is not at the source any more, or runs at the target.
    """
    if late.of(move) is None:
        return None
    with alone(move):
        mark = late.of(move)
        if mark is None or claims.holder(move) is not None:
            # A run that has the machine on its way brings it back itself.
            return None
        if identity.has_another(move) or move.source.find(move.name) is None:
            return _gone(move, mark)
        machine = move.source.machine(move.name)
        if machine.ownership is not None and machine.ownership.role == "migrated":
            late.forget(move)
            return {"nothing": "another run moved it since"}
        if machine.state is PowerState.OFF:
            return _start_again(move)
        if time.time() > mark.until:
            late.forget(move)
        return {"nothing": f"it is {machine.state}; {mark.words}"}


def _gone(move: Move, mark: late.Mark) -> Facts:
    if time.time() > mark.until:
        late.forget(move)
    identity.require_it(move)
    return {"nothing": mark.words}


@stage("rollback", unrecorded=True)
def _start_again(move: Move) -> Facts:
    mark = late.of(move)
    assert mark is not None, "asked before"
    _refuse_running_target(move)
    log.warning("%s: it went off at the source after its rollback, and is started again.", move.name)
    move.source.power_on(move.name)
    move.source.set_autostart(move.name, move.machine.autostart)
    facts = prove(move)
    late.forget(move)
    return {**facts, "started_again": f"it obeyed an order to shut down of {late.clock(mark.asked)} after its rollback"}


def _refuse_running_target(move: Move) -> None:
    """Law: never two. No run let it run there, so a target that cannot be asked keeps no source off."""
    try:
        there = move.target.machines()
    except DroverError as error:
        log.warning("%s: the target does not answer; it was never started there. %s", move.name, error)
        return
    for other in there:
        same = other.uuid == move.machine.uuid or move.owns(other)
        if same and other.state is not PowerState.OFF:
            raise OperatorNeededError(
                f"Machine '{move.name}' is off at the source, and '{other.name}' is {other.state} at the target.",
                remedy="Find out who started it there; switch one of the two off for good.",
            )
