"""Takes one machine back from outside its run: by a person's hand, or because the run ended without doing it."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from drover_airflow.moves import reopened
from drover_airflow.operators.base import DroverOperator


class TakeBackOperator(DroverOperator):
    """The rollback of one machine; skipped where there is nothing to take back any more.

    :param wave: the wave's name. (templated) :param run: the id of the DAG run that moved it. (templated)
    :param machine: its name. (templated)
    """

    template_fields: Sequence[str] = ("wave", "run", "machine")
    ui_color = "#f2d9d5"

    def __init__(self, *, wave: str, run: str, machine: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave
        self.run = run
        self.machine = machine

    def execute(self, context: Context) -> dict[str, Any]:
        from drover.migration import rollback

        with self.plainly(), reopened(self.wave, self.run, self.machine) as move:
            facts: dict[str, Any] = rollback.run(move)
        if "nothing" in facts:
            raise AirflowSkipException(f"There is nothing to take back: {facts['nothing']}.")
        for name, value in facts.items():
            self.log.info("  %s: %s", name, value)
        self.log.info("Evidence of this machine: %s", move.store.folder)
        return facts
