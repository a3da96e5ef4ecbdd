"""Go back: the target is off, the source runs again and answers.

Safe to call at any point and any number of times. What the target holds is removed only if it never ran on the
production network; otherwise it is kept, off, so that nothing written there is lost.
"""

import logging

from drover.errors import CorruptionError, DroverError
from drover.hypervisors.port import LiveMover
from drover.migration import (
    along,
    backup,
    bandwidth,
    claims,
    homecoming,
    identity,
    intents,
    late,
    leftovers,
    order,
    restore_test,
    returning,
    source_back,
)
from drover.migration.alone import alone, busy
from drover.migration.disks import COMPARED, journal, manifests
from drover.migration.fence import Fate, fence_target
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, in_spite_of_the_store, stage

log = logging.getLogger(__name__)


def run(move: Move) -> Facts:
    """`nothing` in the facts says why there was nothing to take back; then nothing is recorded either."""
    restore_test.try_to_clean_up(move)
    leftovers.try_to_clean_up(move)
    if (looked_after := source_back.look_after(move)) is not None:
        return looked_after
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
        _tidy(move)
        if not intents.declared(move.store, Intent.BEGUN):
            claims.release(move)
            return {"nothing": "no change had been made yet"}
        if returning.under_way(move):
            returning.refuse_gone(move)
        if ahead:
            with in_spite_of_the_store(move):
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
    if _is_over(move):
        return "the move is committed, and taking that back is a decision of its own"
    holder = claims.foreign(move)
    if holder and not intents.declared(move.store, Intent.BEGUN):
        return f"this run changed nothing, because the machine is being moved {holder.words}"
    claims.refuse_foreign(move)
    return None


def _is_over(move: Move) -> bool:
    try:
        return returning.committed(move) and not returning.under_way(move)
    except CorruptionError as error:
        # Somebody altered its records. Its claim and its intents tell as well that it was never made final.
        held = claims.holder(move) is not None and claims.foreign(move) is None
        if not held or intents.declared(move.store, Intent.COMMITTED):
            raise
        log.warning("%s: it is taken back all the same: %s", move.name, error)
        return False


def _is_away(move: Move) -> bool:
    """Whether nothing has the name at the source, or another machine than this run's."""
    if along.takes_along(move):
        return along.at_source(move) is None
    return not identity.is_it(move, move.source.find(move.name))


def _tidy(move: Move) -> None:
    """A place for backups that is away keeps no machine off; whoever makes the next backup there begins anew."""
    try:
        backup.discard_unfinished(move)
    except (DroverError, OSError) as error:
        log.warning("%s: what an unfinished backup left of it is still there: %s", move.name, error)


@stage("rollback", unrecorded=True)
def _take_back(move: Move) -> Facts:
    if not along.takes_along(move):
        identity.require_it(move)
    was_committed = {"committed": True, "because": returning.because(move)} if returning.under_way(move) else {}
    _end_live_move(move)
    if along.takes_along(move):
        fate = homecoming.bring_home(move)
    else:
        fate = fence_target(move)
        source_back.start(move)
    facts = source_back.prove(move)
    if fate == Fate.OURS:
        fate = _remove_target(move)
    mark = late.of(move)
    under_way = {"shutdown": mark.words} if mark else {}
    return {**facts, "target": str(fate), **was_committed, **under_way}


def _end_live_move(move: Move) -> None:
    """The target is not asked: it may be what failed."""
    if intents.declared(move.store, Intent.LIVE_MOVE) and isinstance(move.source, LiveMover):
        if not identity.has_another(move):
            move.source.cancel_live(move.name)
        bandwidth.end_live(move)


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
