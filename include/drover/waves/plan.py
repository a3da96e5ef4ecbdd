"""What a wave would do: each machine's concerns, the order, the estimate. Changes nothing anywhere."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from drover.concerns.gather import Resolver, assemble, live_check, look_at_backups, read_facts, write_rate
from drover.concerns.preflight import HostFacts, Preflight, Rehearsed
from drover.concerns.run import run
from drover.hypervisors.port import Hypervisor
from drover.model import Category, Concern, VirtualMachine
from drover.waves import estimate, fit, limits, timeline
from drover.waves.estimate import Estimate, Load, load_of
from drover.waves.fit import Fit
from drover.waves.moved import arrived, left_behind
from drover.waves.order import tiers
from drover.waves.proofs import Proofs, proofs
from drover.waves.schema import MachinePlan, Wave
from drover.waves.speeds import DEFAULTS, Known
from drover.waves.timeline import Span


@dataclass(frozen=True, slots=True)
class PlannedMachine:
    """:param estimate: None where the source knows no such machine.

    :param moved: by an earlier run of this very wave; it is not moved again.
    """

    plan: MachinePlan
    source: str
    target: str
    concerns: tuple[Concern, ...]
    estimate: Estimate | None
    proofs: Proofs
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """What a run has behind it that asks for its plan.

    :param done: the steps that each machine has behind it. :param backed_up: whose backup is finished.
    """

    done: Mapping[str, frozenset[str]] = field(default_factory=dict)
    backed_up: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PlanReport:
    """:param order: the machines' names in tiers. :param seconds: the estimate for the whole wave.

    :param spans: when each step of each machine is expected to begin and end, counted from the wave's beginning.
    :param fit: None where the wave has no window.
    """

    wave: Wave
    machines: tuple[PlannedMachine, ...]
    order: tuple[tuple[str, ...], ...]
    seconds: float
    basis: str
    spans: tuple[Span, ...] = ()
    fit: Fit | None = None

    @property
    def critical(self) -> int:
        """How many concerns block."""
        return sum(c.category is Category.CRITICAL for machine in self.machines for c in machine.concerns)


def plan(
    wave: Wave,
    open_hypervisor: Callable[[str], Hypervisor],
    resolve: Resolver,
    known: Known = DEFAULTS,
    rehearsed: Callable[[VirtualMachine, Wave, MachinePlan], Rehearsed | None] = lambda *_: None,
    begun: Begun | None = None,
) -> PlanReport:
    """The plan of the whole wave; each hypervisor is opened and asked once.

    :param open_hypervisor: gives the hypervisor behind a connection id; it is closed again here.
    :param known: how fast earlier moves went.
    :param rehearsed: the last rehearsal of this machine.
    :param begun: of the run that asks; None where the wave begins some other time, early enough for its window.
    :raises BadInputError, RetryableError, OperatorNeededError: a hypervisor cannot be reached.
    """
    ends = {end for machine in wave.machines for end in (wave.source_of(machine), wave.target_of(machine))}
    facts: dict[str, HostFacts] = {}
    with ExitStack() as stack:
        opened = {conn_id: stack.enter_context(open_hypervisor(conn_id)) for conn_id in sorted(ends)}
        for conn_id, hypervisor in opened.items():
            facts[conn_id] = read_facts(hypervisor)
        within = limits.bound(wave, resolve)
        writes = {m.name: write_rate(m, _at_source(wave, m, facts), opened[wave.source_of(m)]) for m in wave.machines}
        loads = _loads(wave, facts, writes)
        moved = frozenset(machine.name for machine in wave.machines if _moved(wave, machine, facts))
        left = {name: load for name, load in loads.items() if name not in moved}
        fitting = _fit(within, left, known, begun)
        machines, backups = [], look_at_backups(wave.backup)
        for machine in wave.machines:
            source, target = opened[wave.source_of(machine)], opened[wave.target_of(machine)]
            checker = live_check(source, target)
            seen = assemble(wave, machine, facts, resolve, target.translated, checker, backups)
            last = rehearsed(seen.source, wave, machine) if seen.source else None
            seen = replace(seen, fit=fitting, rehearsed=last, writes=writes[machine.name])
            seen = replace(seen, backed_up=begun.backed_up if begun else frozenset())
            planned = _machine(seen, loads.get(machine.name), known)
            machines.append(replace(planned, moved=machine.name in moved))
    order = tuple(tuple(machine.name for machine in tier) for tier in tiers(wave))
    spans = estimate.whole(within, left, known, fitting.lead if fitting else 0.0)
    return PlanReport(wave, tuple(machines), order, timeline.end(spans), estimate.basis(wave, known), spans, fitting)


def _fit(wave: Wave, loads: Mapping[str, Load], known: Known, begun: Begun | None) -> Fit | None:
    if begun is None:
        return fit.planned(wave, loads, time.time(), known)
    return fit.renewed(wave, loads, time.time(), known, begun.done) if fit.asked(wave) else None


def _moved(wave: Wave, plan: MachinePlan, facts: Mapping[str, HostFacts]) -> bool:
    """Whether an earlier run of this wave left its source behind, or its platform took it along."""
    if _at_source(wave, plan, facts) is not None:
        return left_behind(wave, plan, facts[wave.source_of(plan)].machines) is not None
    return arrived(wave, plan, facts[wave.target_of(plan)].machines) is not None


def _loads(wave: Wave, facts: Mapping[str, HostFacts], writes: Mapping[str, float | None]) -> dict[str, Load]:
    """Of every machine that is at its source."""
    found = {plan.name: _at_source(wave, plan, facts) for plan in wave.machines}
    return {name: load_of(machine, writes[name]) for name, machine in found.items() if machine is not None}


def _at_source(wave: Wave, plan: MachinePlan, facts: Mapping[str, HostFacts]) -> VirtualMachine | None:
    here = facts[wave.source_of(plan)].machines
    return next((machine for machine in here if machine.name == plan.name), None)


def _machine(seen: Preflight, load: Load | None, known: Known) -> PlannedMachine:
    return PlannedMachine(
        plan=seen.plan,
        source=seen.source_host.name,
        target=seen.target_host.name,
        concerns=tuple(run(seen)),
        estimate=estimate.estimate_machine(seen.wave, seen.plan, load, known) if load else None,
        proofs=proofs(seen.plan, along=bool(seen.source_facts.takes_along)),
    )
