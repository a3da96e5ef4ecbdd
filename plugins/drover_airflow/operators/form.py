"""Turns the answers of the form into a wave, for the tasks after it."""

from typing import Any

from airflow.sdk import Context

from drover_airflow.form import wave_of
from drover_airflow.operators.base import DroverOperator


class FormOperator(DroverOperator):
    """Returns the wave (JSON) and the machine's key; every mistake in the form is told in its log."""

    def execute(self, context: Context) -> dict[str, Any]:
        with self.plainly():
            plan = wave_of(dict(context["params"]))
        self.log.info("%s", plan["wave"])
        return plan
