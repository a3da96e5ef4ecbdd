"""The first task of a wave: nothing of it is begun while something stands in the way of one of its machines."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from drover_airflow.moves import look_at_whole
from drover_airflow.operators.base import DroverOperator


class WavePreflightOperator(DroverOperator):
    """Makes the plan of the whole wave, as `./drover plan` does; a Critical concern that nobody waived ends the run.

    :param wave: path of the wave file, or the wave as JSON. (templated)
    """

    template_fields: Sequence[str] = ("wave",)
    ui_color = "#e8eef7"

    def __init__(self, *, wave: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.wave = wave

    def execute(self, context: Context) -> dict[str, Any]:
        run = context["run_id"]
        assert run is not None  # of a task that runs
        with self.plainly():
            facts = look_at_whole(self.wave, run, self.dag_id)
        for name, value in facts.items():
            self.log.info("  %s: %s", name, value)
        return facts
