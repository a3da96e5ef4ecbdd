"""Taking back what was committed: a person's decision, which a rollback then carries out like any other.

`begin` writes the decision down and holds the machine; from then on `rollback.run` brings the source back, and goes on
after a kill. What the target wrote since the commit stays with the target: it is switched off and kept.
"""

from collections.abc import Callable

from drover.errors import OperatorNeededError
from drover.migration import along, claims, intents
from drover.migration.alone import alone
from drover.migration.identity import has_another
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.model import Ownership, VirtualMachine

_BECAUSE = "returning.json"


def committed(move: Move) -> bool:
    """Whether this run moved the machine for good and nobody took that back since."""
    commit = move.store.last("commit", "passed")
    back = move.store.last("rollback", "passed")
    return commit is not None and (back is None or back.sequence < commit.sequence)


def refuse_over(move: Move) -> None:
    """A task of a run that is over may be run again by hand. By now the machine may be another wave's, or home again.

    :raises OperatorNeededError: this run made the machine's move final.
    """
    if committed(move):
        raise OperatorNeededError(
            f"Machine '{move.name}' was committed in run {move.run} already, so this run does not touch it any more.",
            remedy="Trigger the wave anew to move it again, or take it back with the DAG 'rollback'.",
        )


def begin(move: Move, because: str = "a person took that back") -> None:
    """:param because: who decided it and why, for the record; the first one counts.

    :raises OperatorNeededError: the machine is not this run's to take back, or another run holds it."""
    with alone(move):
        if not committed(move):
            raise OperatorNeededError(
                f"Machine '{move.name}' was not committed in run {move.run}, or was taken back already.",
                remedy="Name the run that moved it.",
            )
        claims.claim(move)
        if not under_way(move):
            move.store.write_json(_BECAUSE, {"because": because})
        intents.declare(move.store, Intent.RETURNING)


def because(move: Move) -> str:
    """Why the committed move is taken back."""
    return str((move.store.read_json(_BECAUSE) or {}).get("because", ""))


def under_way(move: Move) -> bool:
    return intents.declared(move.store, Intent.RETURNING) is not None


def refuse_gone(move: Move) -> None:
    """Law: never two. Asked at both ends before anything is changed: the machine must be where this run left it.

    A machine that moved on to a third place is off at this run's target too, and runs there.

    :raises OperatorNeededError: one of the two ends is not as this run left it; the decision is withdrawn.
    """
    ends: list[tuple[str, Callable[[], VirtualMachine | None], tuple[str, ...]]]
    ends = [
        ("target", lambda: move.target.find(move.name), ("committed", "kept")),
        # A copy of the machine may carry its tag.
        ("source", lambda: None if has_another(move) else move.source.find(move.name), ("migrated", "returned")),
    ]
    if along.takes_along(move):
        # There is one machine only, and it is at one of the ends, unless it moved on.
        back = _left_by(move, along.at_source(move), ("committed", "started", "returned"))
        # Started: a way back that did not succeed has marked it so.
        ends = [] if back else [("target", lambda: along.at_target(move), ("committed", "started"))]
    for side, find, roles in ends:
        if not _left_by(move, find(), roles):
            intents.withdraw(move.store, Intent.RETURNING)
            claims.release(move)
            raise OperatorNeededError(
                f"Machine '{move.name}' at the {side} is not what run {move.run} left there, so it is not taken back.",
                remedy="It was moved on, replaced or removed since; find out where it runs now.",
            )


def _left_by(move: Move, machine: VirtualMachine | None, roles: tuple[str, ...]) -> bool:
    tag: Ownership | None = machine.ownership if machine else None
    return tag is not None and tag.same_machine(move.owner) and tag.run == move.run and tag.role in roles
