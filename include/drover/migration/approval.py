"""A person says yes before the cutover: what they are told, and what they answered, kept as evidence.

The cutover is built on this record wherever the wave asks for an approval. Where nobody answers, the default at the
deadline is taken, and recorded as nobody's answer.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from drover.errors import OperatorNeededError
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.waves.schema import ApprovalPlan

STEP = "approval"
# What a person is asked to build upon.
BEFORE = ("backup", "transfer", "validate", "test")


class Choice(StrEnum):
    """The words on the buttons."""

    APPROVE = "approve"
    POSTPONE = "postpone"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Answer:
    """:param by: who gave it; None for the default, because nobody answered until the deadline."""

    choice: Choice
    by: str | None
    at: datetime

    @property
    def words(self) -> str:
        when = f"{self.at:%Y-%m-%d %H:%M:%S} UTC"
        if self.by is None:
            return f"Nobody had answered until the deadline, {when}, so the default was taken: {self.choice}"
        return f"{self.by} answered on {when}: {self.choice}"


def steps_before_cutover(move: Move) -> tuple[str, ...]:
    """What must have passed before this machine's target may take over."""
    return BEFORE if plan_of(move) is None else (*BEFORE, STEP)


def plan_of(move: Move) -> ApprovalPlan | None:
    return move.wave.approval_of(move.plan)


def given(move: Move) -> Facts | None:
    """The facts of an approval that still counts, so that nobody is asked twice; None where a person is to be asked.

    :raises OperatorNeededError: a stage before it has not passed, so there is nothing to approve.
    """
    require(move, *BEFORE)
    last, tried = move.store.last(STEP), move.store.last(BEFORE[-1])
    if last is None or last.outcome != "passed" or tried is None or last.sequence < tried.sequence:
        return None
    return dict(last.facts)


def answered(move: Move, answer: Answer) -> Facts | None:
    """Keeps the answer. None where it is to postpone: the question stays open.

    :raises OperatorNeededError: the answer is to roll back, which the machine's rollback then does.
    """
    facts = {"answer": str(answer.choice), "by": answer.by, "at": answer.at.isoformat(), "words": answer.words}
    if answer.choice is Choice.POSTPONE:
        move.store.record(STEP, "info", facts)
        return None
    return stage(STEP)(partial(_decide, answer=answer, facts=facts))(move)


def _decide(move: Move, *, answer: Answer, facts: Facts) -> Facts:
    require(move, *BEFORE)
    if answer.choice is Choice.ROLL_BACK:
        move.store.record(STEP, "info", facts)
        raise OperatorNeededError(
            f"Machine '{move.name}' does not take over at the target. {answer.words}.",
            remedy="The machine goes back to its source.",
        )
    return facts
