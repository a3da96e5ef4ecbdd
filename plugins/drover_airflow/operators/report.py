"""The last task of a wave: what became of each machine, from the evidence, for people and for whoever waits for it."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context, TriggerRule
from airflow.sdk.exceptions import AirflowFailException

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
        run = context["run_id"]
        assert run is not None
        with self.plainly():
            wave = wave_of_run(self.wave, run)
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
    records = store.records()
    last = next((r for r in reversed(records) if r.outcome in ("passed", "failed") and r.step != "rollback"), None)
    if last is None:
        return {"state": "not begun"}
    if last.step == "commit" and last.outcome == "passed":
        return {"state": "moved", **last.facts}
    failed = next((r for r in reversed(records) if r.outcome == "failed"), None)
    why = str(failed.facts.get("message", "")) if failed else f"it ended after {last.step}"
    back = store.last("rollback")
    taken_back = back is not None and back.outcome == "passed" and "nothing" not in back.facts
    if taken_back and back is not None and back.sequence > last.sequence:
        return {"state": "brought back", "why": why}
    return {"state": "failed", "step": failed.step if failed else last.step, "why": why}
