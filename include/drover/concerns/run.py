"""Asks every concern about one machine's move."""

from collections.abc import Iterator, Sequence

from drover.concerns.catalogue import ConcernModule, modules
from drover.concerns.finding import UnknownConcern
from drover.concerns.preflight import Preflight
from drover.model import Category, Concern
from drover.waves.schema import MachinePlan

# No concern's own id, so that no waiver can cover it.
BROKEN = "preflight.broken"

_WAIVED = " (waived)"
_ORDER = (Category.CRITICAL, Category.WARNING, Category.INFORMATION)


def run(p: Preflight) -> list[Concern]:
    """Every concern, Critical first, then by id; waived ones as Warnings. Raises nothing."""
    found = [_waived(p, module, concern) for module in modules() for concern in _ask(module, p)]
    return sorted(found, key=lambda concern: (_ORDER.index(concern.category), concern.id))


def _ask(module: ConcernModule, p: Preflight) -> Iterator[Concern]:
    """What the concern finds. Where it fails itself nothing is known, and unknown blocks."""
    try:
        yield from list(module.check(p))
    except Exception as error:  # noqa: BLE001  told as a concern that nobody can waive
        yield UnknownConcern(
            BROKEN,
            Category.CRITICAL,
            "A check broke",
            f"The check '{module.ID}' broke on machine '{p.plan.name}' with {type(error).__name__}: {error}. "
            "What it would have found is not known, so it counts as found. "
            "This is a mistake in Drover; report it with this sentence.",
        )


def _waived(p: Preflight, module: ConcernModule, concern: Concern) -> Concern:
    if concern.category is not Category.CRITICAL or isinstance(concern, UnknownConcern) or not module.WAIVABLE:
        return concern
    waiver = next((waiver for waiver in p.plan.waive if waiver.id == concern.id), None)
    if waiver is None:
        return concern
    words = f'{concern.assessment} Waived in the wave file, with this reason: "{waiver.reason}"'
    return Concern(concern.id, Category.WARNING, f"{concern.label}{_WAIVED}", words)


def waived(plan: MachinePlan, concerns: Sequence[Concern]) -> dict[str, str]:
    """The ids that were found and that the wave file accepts, each with its reason."""
    found = {concern.id for concern in concerns if concern.label.endswith(_WAIVED)}
    return {waiver.id: waiver.reason for waiver in plan.waive if waiver.id in found}
