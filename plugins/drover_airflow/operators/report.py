"""The last task of a wave: what became of each machine, from the evidence, for people and for whoever waits for it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.exceptions import AirflowFailException

from drover.evidence.store import RunStore
from drover.migration import leftovers
from drover.migration.outcome import moved, not_moved, outcomes
from drover.migration.together import TAKE_BACK
from drover.waves.schema import Wave
from drover_airflow.hooks.base import resolve
from drover_airflow.moves import wave_of_run
from drover_airflow.operators.base import DroverOperator
from drover_airflow.settings import store_root

Facts = dict[str, Any]


class ReportOperator(DroverOperator):
    """Reports on every machine of a run; fails where not every one was moved, or something was left at a target.

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
            from drover.migration.telling import sentences

            wave = wave_of_run(self.wave, run, self.dag_id)
            store = RunStore(store_root(), wave.wave, run)
            result: Facts = outcomes(wave, store)
            left = leftovers.look(wave, run, resolve, store_root())
            for sentence in sentences(wave, store, result):
                self.log.info("%s", sentence)
        for name, told in left.items():
            result[name]["left"] = told
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"wave": wave.wave, "run": run, "machines": result}
        if (lost := not_moved(result)) or left:
            raise AirflowFailException(" | ".join(_faults(wave, result, lost, left)))
        return result


def _faults(wave: Wave, result: Facts, lost: Sequence[str], left: Mapping[str, Sequence[str]]) -> Iterator[str]:
    stayed = [name for name, facts in result.items() if moved(facts)]
    if lost:
        yield f"{len(lost)} of {len(result)} machines were not moved. {' | '.join(lost)}"
        if stayed:
            yield _stayed(wave, stayed)
    told = "; ".join(f"{name}: {', '.join(sentences)}" for name, sentences in left.items())
    if told:
        all_moved = "" if lost else f"All {len(result)} machines were moved. "
        yield f"{all_moved}Left behind: {told.rstrip('.')}. The DAG 'sweep' goes on trying to remove it."


def _stayed(wave: Wave, names: Sequence[str]) -> str:
    if wave.on_failure != TAKE_BACK:
        return f"Those that were moved stay at the target, because the wave says so (on_failure: {wave.on_failure})."
    return f"Not taken back, though the wave says so (on_failure: {wave.on_failure}): {', '.join(names)}."
