"""A wave's first task: the plan of all its machines, made once more now, before any of them is begun.

Each machine is asked again by its own pre-flight; but that comes when its turn does, and sees its own two hosts only.
"""

import logging
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from drover.errors import DroverError, OperatorNeededError
from drover.evidence.store import RunStore
from drover.hypervisors import registry
from drover.migration import backup, intents, rehearsed, under_way
from drover.migration.intents import Intent
from drover.migration.move import Resolver
from drover.migration.outcome import WAVE_STEP
from drover.migration.preflight import facts_of, keep, sentences
from drover.migration.stage import Facts
from drover.model import Category, Concern
from drover.waves import measured
from drover.waves.plan import Begun, PlannedMachine, PlanReport, plan
from drover.waves.schema import Wave

log = logging.getLogger(__name__)


def run(wave: Wave, run: str, resolve: Resolver, root: Path) -> Facts:
    """Records of each machine what was found, or why nothing began.

    A machine that this run has begun already, or an earlier one has moved, keeps no other one off.

    :param run: the run that begins. :param root: of the evidence.
    :raises OperatorNeededError: a concern is Critical and not waived; nothing was touched.
    :raises DroverError: a host cannot be asked.
    """
    store, started = RunStore(root, wave.wave, run), time.time()
    try:
        report = _plan(wave, store, resolve, root)
    except DroverError as error:
        _record_all(wave, store, f"the wave could not be looked at: {error}", type(error).__name__, started)
        raise
    asked = [machine for machine in report.machines if not (machine.moved or _under_way(store, machine.plan.name))]
    stopped = {machine.plan.name: found for machine in asked if (found := _critical(machine))}
    for machine in asked:
        _record(store, machine, stopped, started)
    if stopped:
        raise OperatorNeededError(
            f"Nothing of the wave '{wave.wave}' was begun, because {_count(stopped)} cannot be moved. "
            + " ".join(f"'{name}': {sentences(found)}" for name, found in stopped.items()),
            remedy="Mend this, waive the concerns by their ids with a reason in the wave file, or take these machines "
            "out of the wave; then trigger it anew.",
        )
    return _facts(report, asked)


def _plan(wave: Wave, store: RunStore, resolve: Resolver, root: Path) -> PlanReport:
    begun = Begun(under_way.done_in(wave, store), backup.sealed(wave, store.run, root))
    known, last = measured.read(root), partial(rehearsed.newest, root)
    return plan(wave, lambda conn_id: registry.connect(resolve(conn_id)), resolve, known, last, begun)


def _under_way(store: RunStore, name: str) -> bool:
    """Whether this run has done something to it that was not taken back: its own stages know how it goes on."""
    return intents.declared(store.machine(name), Intent.BEGUN) is not None


def _critical(machine: PlannedMachine) -> list[Concern]:
    return [concern for concern in machine.concerns if concern.category is Category.CRITICAL]


def _record(store: RunStore, machine: PlannedMachine, stopped: dict[str, list[Concern]], started: float) -> None:
    name, concerns = machine.plan.name, list(machine.concerns)
    for concern in concerns:
        log.info("%s: %s %s (%s). %s", name, concern.category, concern.label, concern.id, concern.assessment)
    evidence = store.machine(name)
    facts = facts_of(machine.plan, concerns, keep(evidence, concerns))
    if not stopped:
        evidence.record(WAVE_STEP, "passed", facts, started)
        return
    own = stopped.get(name)
    why = sentences(own) if own else f"nothing of the wave began, because {_count(stopped)} cannot be moved"
    facts |= {"error": OperatorNeededError.__name__, "message": f"not begun: {why}"}
    evidence.record(WAVE_STEP, "failed", facts, started)


def _record_all(wave: Wave, store: RunStore, why: str, error: str, started: float) -> None:
    for machine in wave.machines:
        if not _under_way(store, machine.name):
            facts = {"error": error, "message": f"not begun: {why}"}
            store.machine(machine.name).record(WAVE_STEP, "failed", facts, started)


def _count(stopped: dict[str, list[Concern]]) -> str:
    names = ", ".join(f"'{name}'" for name in list(stopped)[:5])
    return names if len(stopped) <= 5 else f"{names} and {len(stopped) - 5} more"


def _facts(report: PlanReport, asked: Sequence[PlannedMachine]) -> Facts:
    found = [concern for machine in asked for concern in machine.concerns]
    return {
        "machines": len(asked),
        "concerns": len(found),
        "warnings": sum(concern.category is Category.WARNING for concern in found),
        "seconds": round(report.seconds),
        "passed_over": [machine.plan.name for machine in report.machines if machine not in asked],
    }
