"""A person says yes before the cutover: what they are told, and what they answered, kept as evidence.

The cutover is built on this record wherever the wave asks for an approval. Where nobody answers, the default at the
deadline is taken, and recorded as nobody's answer. The moment of the deadline is recorded when the question is first
asked: whoever is asked again, because a worker was killed or an answer does not count, has no more time than that.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial

from drover.errors import OperatorNeededError
from drover.evidence.chain import Record
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


# Seconds. An answer that was lost with its worker can be given again, also when the deadline has passed meanwhile.
_AT_LEAST = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """:param by: who gave it; None for the default, because nobody answered until the deadline.

    :param user: the id of who gave it, as the wave's `approvers` are.
    """

    choice: Choice
    by: str | None
    at: datetime
    user: str | None = None

    def words(self, until: datetime | None) -> str:
        """:param until: the deadline, where the question was recorded with one."""
        late = until is not None and self.at > until
        if self.by is None:
            deadline = f", {_moment(until)}" if until else ""
            return (
                f"Nobody had answered until the deadline{deadline}, so the default was taken on {_moment(self.at)}: "
                f"{self.choice}"
            )
        after = " (after the deadline, when no default was taken yet)" if late else ""
        return f"{self.by} answered on {_moment(self.at)}{after}: {self.choice}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def steps_before_cutover(move: Move) -> tuple[str, ...]:
    """What must have passed before this machine's target may take over."""
    return BEFORE if plan_of(move) is None else (*BEFORE, STEP)


def plan_of(move: Move) -> ApprovalPlan | None:
    return move.wave.approval_of(move.plan)


def given(move: Move) -> Facts | None:
    """The facts of an approval that still counts, so that nobody is asked twice; None where a person is to be asked.

    :raises OperatorNeededError: a stage before it has not passed, so there is nothing to approve; or the answer was to
        roll back already.
    """
    require(move, *BEFORE)
    if plan_of(move) is None:
        return {"answer": "nobody is asked, because the wave asks for no approval"}
    last = _newest(move, "answer")
    if last is not None and last.facts["answer"] == Choice.ROLL_BACK:
        # Whoever was killed after it was recorded asks again, and a person's word stands.
        raise _refused(move, str(last.facts["words"]))
    return dict(last.facts) if last is not None and last.outcome == "passed" else None


def ask(move: Move) -> float:
    """Called when the question is put; returns for how many seconds an answer is waited for."""
    plan, until = plan_of(move), _until(move)
    assert plan is not None
    if until is None:
        until = datetime.fromtimestamp(time.time() + plan.deadline, UTC)
        move.store.record(STEP, "info", {"asked": list(plan.approvers), "until": until.isoformat()})
    return max(_AT_LEAST, until.timestamp() - time.time())


def answered(move: Move, answer: Answer) -> Facts | None:
    """Keeps the answer. None where the question stays open: to postpone, or from somebody who was not asked.

    :raises OperatorNeededError: the answer is to roll back, which the machine's rollback then does.
    """
    plan, words = plan_of(move), answer.words(_until(move))
    if answer.by is not None and plan is not None and plan.approvers and answer.user not in plan.approvers:
        told = f"{words}. That does not count: {', '.join(plan.approvers)} is asked"
        move.store.record(STEP, "info", {"ignored": str(answer.choice), "by": answer.by, "words": told})
        return None
    facts = {"answer": str(answer.choice), "by": answer.by, "at": answer.at.isoformat(), "words": words}
    if answer.choice is Choice.POSTPONE:
        move.store.record(STEP, "info", facts)
        return None
    return stage(STEP)(partial(_decide, answer=answer, facts=facts))(move)


def _decide(move: Move, *, answer: Answer, facts: Facts) -> Facts:
    require(move, *BEFORE)
    if answer.choice is Choice.ROLL_BACK:
        move.store.record(STEP, "info", facts)
        raise _refused(move, facts["words"])
    if answer.by is None:
        raise OperatorNeededError(
            f"Machine '{move.name}' does not take over at the target: nobody said yes.",
            remedy="The machine goes back to its source; a default can only be to roll back or to postpone.",
        )
    return facts


def _refused(move: Move, words: str) -> OperatorNeededError:
    return OperatorNeededError(
        f"Machine '{move.name}' does not take over at the target. {words}.",
        remedy="The machine goes back to its source.",
    )


def _until(move: Move) -> datetime | None:
    """Until when the question that is open waits; None where it is not put yet, or was answered."""
    asked, answer = _newest(move, "until"), _newest(move, "answer")
    if asked is None or (answer is not None and answer.sequence > asked.sequence):
        return None
    return datetime.fromisoformat(asked.facts["until"])


def _newest(move: Move, fact: str) -> Record | None:
    """The newest record of the approval with this fact, since what a person is asked about was done."""
    tested = move.store.last(BEFORE[-1])
    since = tested.sequence if tested else 0
    found = (r for r in reversed(move.store.records()) if r.step == STEP and fact in r.facts)
    return next((record for record in found if record.sequence > since), None)
