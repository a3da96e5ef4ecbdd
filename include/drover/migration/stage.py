"""What every stage shares: begin, note the outcome in the evidence, and let the error through."""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from drover.errors import CorruptionError, DroverError, OperatorNeededError
from drover.migration.alone import alone
from drover.migration.move import Move

Facts = dict[str, Any]
log = logging.getLogger(__name__)


def stage(name: str, *, unrecorded: bool = False) -> Callable[[Callable[[Move], Facts]], Callable[[Move], Facts]]:
    """Records what the stage proved or why it failed; the sentence of a failure is what the operator reads.

    :param unrecorded: it is begun though that cannot be recorded; what it did must be, or the stage has failed.
    """

    def wrap(work: Callable[[Move], Facts]) -> Callable[[Move], Facts]:
        @functools.wraps(work)
        def run(move: Move) -> Facts:
            with alone(move):
                return recorded(move)

        def recorded(move: Move) -> Facts:
            started = time.time()
            log.info("%s: %s begins (wave %s, run %s).", move.name, name, move.wave.wave, move.run)
            # A killed try leaves this behind and nothing else.
            with in_spite_of_the_store(move) if unrecorded else nullcontext():
                move.store.record(name, "info", {"begins": True}, started)
            try:
                facts = work(move)
            except Exception as error:
                known = isinstance(error, DroverError)
                words = str(error) if known else "An error of Drover's own; see the task's log."
                move.store.record(name, "failed", {"error": type(error).__name__, "message": words}, started)
                raise
            move.store.record(name, "passed", facts, started)
            log.info("%s: %s passed in %.1f s: %s", move.name, name, time.time() - started, summary(facts))
            return facts

        return run

    return wrap


@contextmanager
def in_spite_of_the_store(move: Move) -> Iterator[None]:
    """For what a machine that is off must not wait for: there is no room for its evidence, or somebody altered it."""
    try:
        yield
    except (OSError, CorruptionError) as error:
        log.warning("%s: the evidence cannot be written, and the rollback goes on: %s", move.name, error)


def summary(facts: Facts) -> str:
    """The facts that fit a log line."""
    return ", ".join(f"{key}={value}" for key, value in facts.items() if not isinstance(value, dict | list)) or "-"


def require(move: Move, *stages: str) -> None:
    """The law that nothing is built on a stage that did not pass in this run, since the last rollback.

    :raises OperatorNeededError: one of them has not passed.
    """
    before = 0
    for name in stages:
        last = move.store.last(name)
        if last is None or last.outcome != "passed" or _rolled_back_since(move, last.sequence):
            raise OperatorNeededError(
                f"Machine '{move.name}' cannot go on: its stage '{name}' has not passed in this run.",
                remedy=f"Run the task '{name}' of this machine again.",
            )
        if _begun_since(move, name, last.sequence):
            raise OperatorNeededError(
                f"Machine '{move.name}' cannot go on: its stage '{name}' was begun again and has not ended.",
                remedy=f"Run the task '{name}' of this machine to its end, and those after it.",
            )
        if last.sequence < before:
            raise OperatorNeededError(
                f"Machine '{move.name}' cannot go on: what its stage '{name}' looked at was changed after it.",
                remedy=f"Run the task '{name}' of this machine again, and those after it.",
            )
        # A backup stays good when it is looked up again later.
        before = 0 if name == "backup" else last.sequence


def _begun_since(move: Move, name: str, sequence: int) -> bool:
    """A killed try leaves half of what it does, whatever an earlier one has proven."""
    return any(
        record.step == name and record.facts.get("begins") and record.sequence > sequence
        for record in move.store.records()
    )


def _rolled_back_since(move: Move, sequence: int) -> bool:
    last = move.store.last("rollback", "passed")
    return last is not None and last.sequence > sequence
