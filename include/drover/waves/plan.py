"""What a wave would do: each machine's concerns, the order, the estimate. Changes nothing anywhere."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from drover.concerns.gather import Resolver, Translate, assemble, read_facts
from drover.concerns.preflight import HostFacts
from drover.concerns.run import run
from drover.hypervisors.port import Hypervisor
from drover.model import Category, Concern
from drover.waves.estimate import Estimate, basis, estimate_machine, estimate_wave
from drover.waves.order import tiers
from drover.waves.proofs import Proofs, proofs
from drover.waves.schema import MachinePlan, Wave


@dataclass(frozen=True, slots=True)
class PlannedMachine:
    """:param estimate: None where the source knows no such machine."""

    plan: MachinePlan
    source: str
    target: str
    concerns: tuple[Concern, ...]
    estimate: Estimate | None
    proofs: Proofs


@dataclass(frozen=True, slots=True)
class PlanReport:
    """:param order: the machines' names in tiers. :param seconds: the estimate for the whole wave."""

    wave: Wave
    machines: tuple[PlannedMachine, ...]
    order: tuple[tuple[str, ...], ...]
    seconds: float
    basis: str

    @property
    def critical(self) -> int:
        """How many concerns block."""
        return sum(c.category is Category.CRITICAL for machine in self.machines for c in machine.concerns)


def plan(wave: Wave, open_hypervisor: Callable[[str], Hypervisor], resolve: Resolver) -> PlanReport:
    """The plan of the whole wave; each hypervisor is opened and asked once.

    :param open_hypervisor: gives the hypervisor behind a connection id; it is closed again here.
    :raises BadInputError, RetryableError, OperatorNeededError: a hypervisor cannot be reached.
    """
    ends = {end for machine in wave.machines for end in (wave.source_of(machine), wave.target_of(machine))}
    facts: dict[str, HostFacts] = {}
    with ExitStack() as stack:
        opened = {conn_id: stack.enter_context(open_hypervisor(conn_id)) for conn_id in sorted(ends)}
        for conn_id, hypervisor in opened.items():
            facts[conn_id] = read_facts(hypervisor)
        machines = [
            _machine(wave, machine, facts, resolve, opened[wave.target_of(machine)].translated)
            for machine in wave.machines
        ]
    order = tuple(tuple(machine.name for machine in tier) for tier in tiers(wave))
    return PlanReport(wave, tuple(machines), order, _seconds(machines, order), basis(wave))


def _machine(
    wave: Wave, machine: MachinePlan, facts: dict[str, HostFacts], resolve: Resolver, translate: Translate
) -> PlannedMachine:
    preflight = assemble(wave, machine, facts, resolve, translate)
    return PlannedMachine(
        plan=machine,
        source=facts[wave.source_of(machine)].host.name,
        target=facts[wave.target_of(machine)].host.name,
        concerns=tuple(run(preflight)),
        estimate=estimate_machine(wave, machine, preflight.source) if preflight.source else None,
        proofs=proofs(machine),
    )


def _seconds(machines: Iterable[PlannedMachine], order: tuple[tuple[str, ...], ...]) -> float:
    known = {m.plan.name: (m.estimate.seconds, m.plan.strategy) for m in machines if m.estimate}
    return estimate_wave(order, known)
