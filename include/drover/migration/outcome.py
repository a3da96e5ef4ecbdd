"""What became of each machine of a run, from its records alone, in words."""

from collections.abc import Mapping
from typing import Any

from drover.evidence.chain import Record
from drover.evidence.store import MachineStore, RunStore
from drover.migration.earlier import MOVED_BY
from drover.waves.order import tiers
from drover.waves.schema import Wave

Facts = dict[str, Any]

# What the wave's first task records of each machine before any of them is begun.
WAVE_STEP = "wave-preflight"


def outcomes(wave: Wave, run: RunStore) -> dict[str, Facts]:
    """How the run ended for each machine, in the wave's order; one that did not begin says whom it waited for."""
    found: dict[str, Facts] = {}
    for plan in (plan for tier in tiers(wave) for plan in tier):
        facts = outcome(run.machine(plan.name))
        missing = ", ".join(f"'{name}'" for name in plan.after if not moved(found[name]))
        if facts["state"] == "not begun" and "why" not in facts and missing:
            facts["why"] = f"not begun, because it comes after {missing}, which was not moved"
        found[plan.name] = facts
    return {plan.name: found[plan.name] for plan in wave.machines}


def moved(facts: Mapping[str, Any]) -> bool:
    """Also of a machine that was to be rehearsed, and was, and of one that an earlier run of the wave had moved."""
    return facts["state"] in ("moved", "moved earlier", "rehearsed")


def not_moved(found: Mapping[str, Facts]) -> list[str]:
    """A sentence for each machine that was not moved."""
    return [f"{name}: {facts.get('why', facts['state'])}" for name, facts in found.items() if not moved(facts)]


def outcome(store: MachineStore) -> Facts:
    """How the run ended for one machine: `state` is `moved`, `moved earlier`, `rehearsed`, `brought back`, `failed` or
    `not begun`."""
    records = [record for record in store.records() if record.outcome in ("passed", "failed") and of_move(record)]
    wave = next((record for record in reversed(records) if record.step == WAVE_STEP), None)
    if wave is not None and wave.outcome == "failed":
        return {"state": "not begun", "why": str(wave.facts.get("message", ""))}
    records = [record for record in records if record.step != WAVE_STEP]
    last = next((record for record in reversed(records) if record.step != "rollback"), None)
    if last is None:
        return {"state": "not begun"}
    if MOVED_BY in last.facts:
        return {"state": "moved earlier", "run": last.facts[MOVED_BY]}
    if last.step == "rehearsal" and last.outcome == "passed":
        return {"state": "rehearsed", **last.facts}
    back = next((record for record in reversed(records) if record.step == "rollback"), None)
    taken_back = back is not None and back.sequence > last.sequence and _brought_back(back)
    if last.step == "commit" and last.outcome == "passed":
        if back is not None and taken_back:
            decided = back.facts.get("because") or "a person took that back"
            return {"state": "brought back", "why": f"it was committed, and {decided}"}
        return {"state": "moved", **last.facts}
    failed = _not_mended(records)
    why = str(failed.facts.get("message", "")) if failed else f"it ended after {last.step}"
    if back is not None and taken_back:
        # An order to shut down that may still be obeyed.
        late: Facts = {key: back.facts[key] for key in ("shutdown", "started_again") if key in back.facts}
        return {"state": "brought back", "why": why, **late}
    return {"state": "failed", "step": failed.step if failed else last.step, "why": why}


def of_move(record: Record) -> bool:
    """What became of the source later says nothing of the move."""
    return not record.step.startswith("decommission")


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
