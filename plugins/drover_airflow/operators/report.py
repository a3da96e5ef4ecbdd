"""The last task of a wave: what became of each machine, from the evidence, for people and for whoever waits for it."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.exceptions import AirflowFailException

from drover.evidence.store import RunStore
from drover.migration.outcome import moved, not_moved, outcomes
from drover.migration.together import TAKE_BACK
from drover.waves.schema import Wave
from drover_airflow.moves import wave_of_run
from drover_airflow.operators.base import DroverOperator
from drover_airflow.settings import store_root

Facts = dict[str, Any]


class ReportOperator(DroverOperator):
    """Reports on every machine of a run; fails where not every one was moved.

    :param wave: path of the wave file, or the wave as JSON. (templated)
    """

    template_fields: Sequence[str] = ("wave",)

    def __init__(self, *, wave: str, **kwargs: Any) -> None:
        # Whatever became of the machines, it is reported; nothing is left to undo, so one more try is enough.
        super().__init__(trigger_rule=TriggerRule.ALL_DONE, **kwargs)
        self.wave = wave

    def execute(self, context: Context) -> Facts:
        if not self.wave:
            raise AirflowFailException("The form made no wave, so nothing was moved: the log of its task says why.")
        run = context["run_id"]
        assert run is not None
        with self.plainly():
            wave = wave_of_run(self.wave, run, self.dag_id)
            result: Facts = outcomes(wave, RunStore(store_root(), wave.wave, run))
        for name, facts in result.items():
            self.log.info("%s: %s", name, ", ".join(f"{key} {value}" for key, value in facts.items()))
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"wave": wave.wave, "run": run, "machines": result}
        lost = not_moved(result)
        if lost:
            told = f"{len(lost)} of {len(result)} machines were not moved. {' | '.join(lost)}"
            stayed = [name for name, facts in result.items() if moved(facts)]
            raise AirflowFailException(f"{told} | {_stayed(wave, stayed)}" if stayed else told)
        return result


def _stayed(wave: Wave, names: Sequence[str]) -> str:
    if wave.on_failure != TAKE_BACK:
        return f"Those that were moved stay at the target, because the wave says so (on_failure: {wave.on_failure})."
    return f"Not taken back, though the wave says so (on_failure: {wave.on_failure}): {', '.join(names)}."
