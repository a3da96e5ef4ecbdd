"""Back from a move in which the platform took the machine along: it comes back as it went, while it runs.

There is only one of it, so nothing is ever started beside it. Where it does not run any more, or cannot be seen, only
the backup is left at this side. Whether to go back to that, and lose what was written since, is a person's decision.
"""

import logging
import time

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveMover, LiveState, TargetSettings
from drover.migration import along, identity, intents
from drover.migration.backup import shelf_of
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.model import PowerState, Progress, VirtualMachine

log = logging.getLogger(__name__)

_POLL_SECONDS = 1.0


def bring_home(move: Move) -> str:
    """Makes sure that the machine runs at the source; says where it was.

    :raises OperatorNeededError: a person must decide. :raises RetryableError: an end does not answer, or the way back
        did not succeed; the machine goes on running where it is.
    """
    here = along.at_source(move)
    there = _seen_there(move, here)
    if here is not None and there is not None:
        raise OperatorNeededError(
            f"Machine '{move.name}' is {here.state} at the source and {there.state} at the target.",
            remedy=f"Find out which of the two is the one in use, and remove the other by hand. {_backup(move)}",
        )
    if here is None:
        _move_back(move, there)
        was = "the machine came back from there while it ran"
    else:
        was = "the machine was not there"
    _settle(move)
    return was


def _seen_there(move: Move, here: VirtualMachine | None) -> VirtualMachine | None:
    try:
        return along.at_target(move)
    except DroverError as error:
        if here is not None and here.state is PowerState.RUNNING:
            # The platform lets a machine run in one place only, and that is here.
            log.warning("%s: the target does not answer, and the machine runs at the source.", move.name)
            return None
        raise RetryableError(
            f"Machine '{move.name}' may run at the target, which does not answer: {error}",
            remedy=f"This is tried again until it answers. If it is lost, a person decides: {_backup(move)}",
        ) from error


def _move_back(move: Move, there: VirtualMachine | None) -> None:
    if there is None or there.state is not PowerState.RUNNING:
        state = f"is {there.state} at the target" if there is not None else "is at neither end"
        raise OperatorNeededError(
            f"Machine '{move.name}' {state} and does not run, so it cannot come back by itself. "
            "The source has nothing of it to start.",
            remedy=f"Start it at the target and run this rollback again, or decide to restore it. {_backup(move)}",
        )
    if not isinstance(move.target, LiveMover):
        raise OperatorNeededError(
            f"The target cannot move the running machine '{move.name}' back by itself.",
            remedy=f"Move it back by hand. {_backup(move)}",
        )
    # Two of one name could not be told apart there, and it is by its name that the one is started and marked.
    identity.refuse_another(move)
    if there.snapshots:
        # Ours, of a validation that was killed: with it a platform may refuse the move, or bring it along for good.
        move.target.release_disks(move.name)
        there = move.target.machine(move.name)  # with its disks in their own places again
    intents.declare(move.store, Intent.SOURCE_BACK)
    move.target.start_live(move.name, move.source, _way_back(move, there), bandwidth=move.wave.bandwidth, paused=False)
    while (now := move.target.live_status(move.name, move.source)).state is LiveState.RUNNING:
        move.store.progress(Progress("live move back", now.done, now.total))
        time.sleep(_POLL_SECONDS)
    if along.at_source(move) is None:
        raise RetryableError(
            f"Machine '{move.name}' did not come back: {now.message or 'the platform gave no reason'}.",
            remedy="It goes on running at the target; this is tried again.",
        )


def _way_back(move: Move, there: VirtualMachine) -> TargetSettings:
    """The mappings the other way round, read from the machine itself, by place."""
    networks = _reversed(
        move,
        "network",
        [nic.network for nic in there.nics],
        [nic.network for nic in move.machine.nics],
    )
    storage = _reversed(
        move,
        "storage",
        [disk.pool or "" for disk in there.disks],
        [disk.pool or "" for disk in move.machine.disks],
    )
    return TargetSettings(networks, storage, move.owner_as("started"), host=move.machine.host)


def _reversed(move: Move, what: str, there: list[str], here: list[str]) -> dict[str, str]:
    found = dict(zip(there, here, strict=False))
    if len(there) != len(here) or any(found[name] != before for name, before in zip(there, here, strict=True)):
        raise OperatorNeededError(
            f"Nobody can tell which {what} of the source each part of machine '{move.name}' came from: "
            f"{', '.join(there)} at the target, {', '.join(here)} before.",
            remedy="Move it back by hand with the platform's own tools.",
        )
    return found


def _settle(move: Move) -> None:
    """It is at the source; now it must run there, as it did before."""
    machine = move.source.machine(move.name)
    if machine.ownership is not None:
        move.source.tag(move.name, move.owner_as("returned"))
    if machine.state is not PowerState.RUNNING:
        intents.declare(move.store, Intent.SOURCE_BACK)
        move.source.power_on(move.name)
    move.source.set_autostart(move.name, move.machine.autostart)


def _backup(move: Move) -> str:
    return f"The verified backup lies in {shelf_of(move).label}."
