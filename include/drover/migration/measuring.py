"""How a machine performs, measured by its hypervisor's own counters before the move and after it."""

from drover.errors import OperatorNeededError
from drover.hypervisors.counters import PerformanceMeter, Usage, comparable
from drover.hypervisors.port import Hypervisor
from drover.migration.move import Move
from drover.model import from_json, to_json
from drover.waves.performance import PerformancePlan

_FILE = "baseline.json"


def plan_of(move: Move) -> PerformancePlan:
    """:raises OperatorNeededError: the wave asks for no comparison."""
    if move.wave.performance is None:
        raise OperatorNeededError(
            f"The wave '{move.wave.wave}' asks for no comparison of performance.",
            remedy="Give it the key 'performance', or leave this task out.",
        )
    return move.wave.performance


def usage(move: Move, hypervisor: Hypervisor, seconds: float) -> Usage:
    """:raises OperatorNeededError: this hypervisor does not tell what a machine uses."""
    return _meter(move, hypervisor).usage(move.name, seconds)


def figures(move: Move) -> frozenset[str]:
    """The fields of `Usage` that both ends tell and mean the same by. :raises OperatorNeededError: one tells none."""
    before, after = _meter(move, move.source), _meter(move, move.target)
    return comparable(move.source.kind, before.figures(), move.target.kind, after.figures())


def _meter(move: Move, hypervisor: Hypervisor) -> PerformanceMeter:
    if not isinstance(hypervisor, PerformanceMeter):
        raise OperatorNeededError(
            f"How machine '{move.name}' performs is not known: {hypervisor.kind} is not asked for its counters.",
            remedy="Leave 'performance' out of the wave, or look at the platform's own charts.",
        )
    return hypervisor


def keep(move: Move, found: Usage | None) -> None:
    """:param found: None where the machine is off, so that there is nothing to compare with."""
    move.store.write_json(_FILE, {"usage": to_json(found) if found else None})


def seen(move: Move) -> Usage | None:
    """What this run measured before the move, if it did."""
    found = move.store.read_json(_FILE)
    return from_json(Usage, found["usage"]) if found and found["usage"] else None


def kept(move: Move) -> Usage | None:
    """:raises OperatorNeededError: nothing was measured before the move."""
    found = move.store.read_json(_FILE)
    if found is None:
        raise OperatorNeededError(
            f"Machine '{move.name}' was not measured before its move.", remedy="Start the wave anew for it."
        )
    return from_json(Usage, found["usage"]) if found["usage"] else None


def facts_of(found: Usage) -> dict[str, float | None]:
    """Rounded for the records; the file has all digits."""
    return {name: None if value is None else round(value, 4) for name, value in to_json(found).items()}
