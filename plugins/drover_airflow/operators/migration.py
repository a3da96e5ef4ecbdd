"""One operator for each stage of a migration. The stages themselves are `drover.migration`'s; nothing is decided here.

Every operator takes the wave (a file's path, or a wave as JSON) and the machine's key. A parsed DAG holds neither
connections nor secrets; what a run does is what the file said when its first task read it (`drover_airflow.kept`).
"""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from drover_airflow.moves import opened
from drover_airflow.operators.base import DroverOperator
from drover_airflow.operators.waiting import before_going_down, room
from drover_airflow.triggers.migration import TransferTrigger

if TYPE_CHECKING:
    from drover.migration.move import Move

Facts = dict[str, Any]


class StageOperator(DroverOperator):
    """Runs one stage for one machine and returns what it proved, in small facts.

    :param wave: path of the wave file, or the wave as JSON. (templated)
    :param machine: the machine's key in the wave. (templated)
    """

    template_fields: Sequence[str] = ("wave", "machine")
    ui_color = "#e8eef7"
    stage: ClassVar[str]

    def __init__(self, *, wave: str, machine: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave
        self.machine = machine

    def execute(self, context: Context) -> Facts:
        stage = import_module(f"drover.migration.{self.stage}")
        with self.plainly(), opened(self.wave, self.machine, _run(context), dag=self.dag_id) as move:
            facts: Facts = stage.run(move)
            self.account(facts, str(move.store.folder))
        return facts

    def account(self, facts: Facts, evidence: str) -> None:
        """What an auditor finds in the task's log: every fact on a line of its own, and where the evidence lies."""
        for name, value in facts.items():
            self.log.info("  %s: %s", name, value)
        self.log.info("Evidence of this machine: %s", evidence)


class InventoryOperator(StageOperator):
    """Reads everything a migration must know of the machine; skips one that an earlier run of the wave has moved."""

    stage = "inventory"

    def execute(self, context: Context) -> Facts:
        from drover.migration.earlier import MOVED_BY

        facts = super().execute(context)
        if MOVED_BY in facts:
            raise AirflowSkipException(f"Machine '{self.machine}' was moved in run {facts[MOVED_BY]} of this wave.")
        return facts


class PreflightOperator(StageOperator):
    """Finds every concern; a Critical one stops the machine here."""

    stage = "preflight"


class BackupOperator(StageOperator):
    """Makes and verifies a copy of every disk, before anything is changed; waits for room without a worker."""

    stage = "backup"

    def execute(self, context: Context) -> Facts:
        from drover.migration import backup, slots

        with (
            self.plainly(),
            opened(self.wave, self.machine, _run(context), dag=self.dag_id) as move,
            slots.turn(move, self.stage) as turn,
        ):
            wait = room(move, turn)
            facts: Facts = {} if wait else backup.run(move)
            if not wait:
                self.account(facts, str(move.store.folder))
        if wait:
            self.defer(trigger=wait, method_name="execute_again")
        return facts

    def execute_again(self, context: Context, event: Any) -> Facts:
        """Called when there was room: it may be taken again by now."""
        self.log.info("%s: resumed by %s.", self.machine, event)
        return self.execute(context)


class RestoreTestOperator(StageOperator):
    """Boots a machine made of the backup on the isolated network, asks its checks, and removes it."""

    stage = "restore_test"


# Seconds. Most of what ends sooner is a try that comes back to a move that is over. Deferred, it would be resumed while
# the scheduler may not yet have heard that its first half has ended, and then takes the second half for a mistake and
# ends it (apache/airflow#72716): again at each try, until none is left.
_SHORT = 60.0


class TransferOperator(StageOperator):
    """Moves the machine. A live move runs by itself on the hosts, so a long one is waited for without a worker.

    So are room at the hosts, and the window where it closed while the machine waited for that.
    """

    stage = "transfer"
    ui_color = "#dbe9d8"

    def execute(self, context: Context) -> Facts:
        from drover.migration import slots, transfer

        run = _run(context)
        with (
            self.plainly(),
            opened(self.wave, self.machine, run, dag=self.dag_id) as move,
            slots.turn(move, self.stage) as turn,
        ):
            wait = before_going_down(move, turn)
            runs_on = not wait and transfer.begin(move) and not self._finished(move)
            if runs_on:
                turn.stay()
            passed = move.store.last("transfer", "passed")
            facts: Facts = dict(passed.facts) if passed else {}
            evidence = str(move.store.folder)
        if wait:
            self.defer(trigger=wait, method_name="execute_again")
        if runs_on:
            self.log.info("%s: the live move runs on the hosts; waiting for it without a worker.", self.machine)
            self.defer(
                trigger=TransferTrigger(wave=self.wave, machine=self.machine, run=run),
                method_name="execute_complete",
                timeout=self.execution_timeout,
            )
        self.account(facts, evidence)
        return facts

    def execute_again(self, context: Context, event: Any) -> Facts:
        """Called when there was room, or the window opened: everything is asked anew."""
        self.log.info("%s: resumed by %s.", self.machine, event)
        return self.execute(context)

    def _finished(self, move: "Move") -> bool:
        from drover.migration import slots, transfer

        over = transfer.ended(move, within=_SHORT)
        if over:
            transfer.finish(move)
            # An earlier try may have left it a place for a longer move.
            slots.leave(move)
        return over

    def execute_complete(self, context: Context, event: dict[str, str]) -> Facts:
        """Called when the trigger's one event has come; the facts are the host's own, asked anew."""
        from drover.migration import slots, transfer

        if event.get("status") == "lost":
            raise AirflowException(event.get("message", "The trigger gave no reason."))
        with self.plainly(), opened(self.wave, self.machine, _run(context), dag=self.dag_id) as move:
            facts = transfer.finish(move)
            slots.leave(move)
            self.account(facts, str(move.store.folder))
        return facts


class ValidateOperator(StageOperator):
    """Proves that the data arrived: Great Expectations over what is read from both ends now."""

    stage = "validate"


class TrialOperator(StageOperator):
    """Boots the machine at the target on an isolated network, or asks a live one where it runs already."""

    stage = "trial"


class CutoverOperator(StageOperator):
    """Lets the target take over.

    It blocks until the machine answers instead of deferring: its downtime is measured to that very moment, and the
    seconds that a resumed task needs to find a worker would be counted as the machine's.
    """

    stage = "cutover"
    ui_color = "#f3e6c8"


class BaselineOperator(StageOperator):
    """Measures how the machine performs at the source, by its hypervisor's own counters."""

    stage = "baseline"


class PerformanceOperator(StageOperator):
    """Measures how it performs at the target, and holds it against the baseline."""

    stage = "performance"


class CommitOperator(StageOperator):
    """Makes the move final; the source stays behind, off and tagged."""

    stage = "commit"


class RehearsalOperator(StageOperator):
    """Makes the machine at the target of its backup, compares it, boots it away from everyone, and removes it."""

    stage = "rehearsal"
    ui_color = "#e6e1f2"


class RollbackOperator(StageOperator):
    """Brings the source back after a failure; skipped where nothing had been changed yet."""

    stage = "rollback"
    patient = True
    ui_color = "#f2d9d5"

    def execute(self, context: Context) -> Facts:
        if not self.wave:
            raise AirflowSkipException("There is nothing to take back: the form made no wave.")
        facts = super().execute(context)
        if "nothing" in facts:
            raise AirflowSkipException(f"There is nothing to take back: {facts['nothing']}.")
        return facts


def _run(context: Context) -> str:
    run = context["run_id"]
    assert run is not None  # of a task that runs
    return run
