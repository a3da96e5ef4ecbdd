"""Takes a machine back beside its own tasks: by a person's hand, because the run ended without doing it, or because
another machine of its wave was not moved."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.exceptions import AirflowSkipException

from drover_airflow.at_work import AtWork, of
from drover_airflow.kept import keep
from drover_airflow.moves import reopened
from drover_airflow.operators.base import DroverOperator
from drover_airflow.taking_back import after_failure, left_behind


class TakeBackOperator(DroverOperator):
    """The rollback of one machine; skipped where there is nothing to take back any more.

    :param wave: the wave's name. (templated) :param run: the id of the DAG run that moved it. (templated)
    :param machine: its name. (templated)
    :param only_left: skipped, too, where the run works at the machine again: long ago it was seen that it did not.
    """

    template_fields: Sequence[str] = ("wave", "run", "machine")
    ui_color = "#f2d9d5"
    patient = True

    def __init__(self, *, wave: str, run: str, machine: str, only_left: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave
        self.run = run
        self.machine = machine
        self.only_left = only_left

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.migration import rollback

        if self.only_left:
            with self.plainly():
                self._refuse_in_good_hands(of(context["ti"]))
        with self.plainly(), reopened(self.wave, self.run, self.machine) as move:
            facts: dict[str, Any] = rollback.run(move)
        if "nothing" in facts:
            raise AirflowSkipException(f"There is nothing to take back: {facts['nothing']}.")
        for name, value in facts.items():
            self.log.info("  %s: %s", name, value)
        self.log.info("Evidence of this machine: %s", move.store.folder)
        return facts

    def _refuse_in_good_hands(self, at_work: AtWork) -> None:
        if {"wave": self.wave, "run": self.run, "machine": self.machine} not in left_behind(at_work):
            raise AirflowSkipException(f"'{self.machine}' is in good hands: run {self.run}, or it is back already.")


class AfterFailureOperator(DroverOperator):
    """Once every machine has ended: which committed ones go back, because another was not moved. None if all were.

    :param wave: path of the wave file, or the wave as JSON. (templated)
    """

    template_fields: Sequence[str] = ("wave",)

    def __init__(self, *, wave: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule=TriggerRule.ALL_DONE, **kwargs)
        self.wave = wave

    def execute(self, context: Context) -> list[dict[str, str]]:
        run = context["run_id"]
        assert run is not None
        with self.plainly():
            machines = after_failure(keep(self.wave, run, self.dag_id))
        for machine in machines:
            self.log.warning("'%s' goes back: the wave says that none stays when one is not moved.", machine["machine"])
        return machines
