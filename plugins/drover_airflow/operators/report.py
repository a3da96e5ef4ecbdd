"""The last task of a wave: what became of each machine, from the evidence, for people and for whoever waits for it."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.exceptions import AirflowFailException

from drover.evidence.chain import Record
from drover.evidence.store import MachineStore
from drover_airflow.moves import stores, wave_of_run
from drover_airflow.operators.base import DroverOperator

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
            kept = stores(wave, run)
            result: Facts = {plan.name: outcome(kept[plan.key]) for plan in wave.machines}
        for name, facts in result.items():
            self.log.info("%s: %s", name, ", ".join(f"{key} {value}" for key, value in facts.items()))
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"wave": wave.wave, "run": run, "machines": result}
        lost = [f"{name}: {facts.get('why', facts['state'])}" for name, facts in result.items() if not moved(facts)]
        if lost:
            raise AirflowFailException(f"{len(lost)} of {len(result)} machines were not moved. " + " | ".join(lost))
        return result


def moved(facts: Facts) -> bool:
    return bool(facts["state"] == "moved")


def outcome(store: MachineStore) -> Facts:
    """How the run ended for one machine: `state` is `moved`, `brought back`, `failed` or `not begun`."""
    records = [record for record in store.records() if record.outcome in ("passed", "failed")]
    last = next((record for record in reversed(records) if record.step != "rollback"), None)
    if last is None:
        return {"state": "not begun"}
    back = next((record for record in reversed(records) if record.step == "rollback"), None)
    taken_back = back is not None and back.sequence > last.sequence and _brought_back(back)
    if last.step == "commit" and last.outcome == "passed":
        if taken_back:
            return {"state": "brought back", "why": "it was committed, and a person took that back"}
        return {"state": "moved", **last.facts}
    failed = _not_mended(records)
    why = str(failed.facts.get("message", "")) if failed else f"it ended after {last.step}"
    if taken_back:
        return {"state": "brought back", "why": why}
    return {"state": "failed", "step": failed.step if failed else last.step, "why": why}


def _brought_back(back: Record) -> bool:
    return back.outcome == "passed" and "nothing" not in back.facts


def _not_mended(records: list[Record]) -> Record | None:
    """The newest failure of a step that did not pass afterwards."""
    passed: set[str] = set()
    for record in reversed(records):
        if record.outcome == "failed" and record.step not in passed:
            return record
        passed.add(record.step)
    return None
