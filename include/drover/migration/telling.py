"""The report of a run in sentences: what became of each machine, and after a rehearsal what the real wave will do."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from drover.concerns.finding import size
from drover.evidence.store import RunStore
from drover.migration.move import remembered
from drover.waves import estimate, fit, measured, timeline
from drover.waves.estimate import Load, load_of
from drover.waves.schema import MachinePlan, Wave
from drover.waves.words import duration

Facts = dict[str, Any]


def sentences(wave: Wave, run: RunStore, found: Mapping[str, Facts]) -> Iterator[str]:
    """:param found: `drover.migration.outcome.outcomes` of this run."""
    for plan in wave.machines:
        yield from _machine(wave, plan, found[plan.name])
    if wave.mode == "rehearsal":
        yield from _whole(wave, run, found)


def _machine(wave: Wave, plan: MachinePlan, facts: Facts) -> Iterator[str]:
    state, why = facts["state"], facts.get("why")
    if state == "moved":
        moved = f"{size(facts.get('bytes_written', 0))} in {duration(facts.get('seconds', 0.0))}"
        missed = facts.get("downtime_seconds")
        down = f"; its users missed it for {duration(missed)}" if missed else ""
        head = f"{plan.name}: moved to {wave.target_of(plan)} ({plan.strategy}), {moved}"
        yield f"{head}; {facts.get('checks', 0)} checks passed{down}."
    elif state == "moved earlier":
        head = f"{plan.name}: was moved to {wave.target_of(plan)} in run {facts['run']} of this wave"
        yield f"{head}, and was left alone."
    elif state == "rehearsed":
        head = f"{plan.name}: rehearsed as {facts['as']} on the network {facts['network']}"
        yield f"{head}, {facts['checks']} checks passed. In the wave:"
        yield from (f"  {sentence}" for sentence in facts["will"])
    elif state == "brought back":
        yield f"{plan.name}: runs at {wave.source_of(plan)} again. {_ended(why)}"
        yield from (f"  Beware: {facts[key]}." for key in ("shutdown", "started_again") if key in facts)
    elif state == "failed":
        yield f"{plan.name}: failed at {facts['step']}. {_ended(why)}"
    else:
        yield f"{plan.name}: {_ended(why or 'not begun')}"


def _ended(why: str | None) -> str:
    words = why or "Nobody knows why"
    return words if words.endswith(".") else f"{words}."


# The whole wave


def _whole(wave: Wave, run: RunStore, found: Mapping[str, Facts]) -> Iterator[str]:
    real = wave.model_copy(update={"mode": "real"})
    loads, known = _loads(real, run), measured.read(run.folder.parent.parent)
    fitting = fit.planned(real, loads, time.time(), known)
    spans = estimate.whole(real, loads, known, fitting.lead if fitting else 0.0)
    people = any(real.approval_of(plan) for plan in real.machines)
    answers = ", and as long as people need for their answers" if people else ""
    took = f"The whole wave will take about {duration(timeline.end(spans))}{answers}."
    yield f"{took} That rests on {estimate.basis(real, known)}."
    if fitting:
        yield fitting.words
    moved = {name for name, facts in found.items() if facts["state"] == "moved earlier"}
    missing = [f"'{plan.name}'" for plan in real.machines if plan.name not in moved | loads.keys()]
    if missing:
        yield f"Not in that time, because nobody got to look at them: {', '.join(missing)}."


def _loads(wave: Wave, run: RunStore) -> dict[str, Load]:
    """Of every machine that this run got to look at."""
    seen = {plan.name: remembered(run.machine(plan.name)) for plan in wave.machines}
    return {name: load_of(machine) for name, machine in seen.items() if machine is not None}
