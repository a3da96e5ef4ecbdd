"""The machine is to move while it runs, in a way that its platform does not have."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "strategy.live_impossible"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.plan.strategy is not Strategy.LIVE or p.source is None:
        return
    found = f"Machine '{p.plan.name}' is to move live"
    if p.to_another_kind:
        why = f"{found} from {p.source_host.hypervisor} to {p.target_host.hypervisor}."
        yield _concern(why, "A running machine moves between hypervisors of one kind only.", "the strategy 'cold'")
    elif p.source_facts.takes_along is None:
        why = f"{found}, and {p.source_host.hypervisor} cannot move a running machine by itself."
        yield _concern(why, "Drover starts and watches the platform's own live move; it has none here.", "'cold'")
    elif p.source_facts.takes_along and p.plan.compare_at_switchover:
        why = f"{found} with a comparison of its disks at the switch-over."
        reason = "Its platform takes it along at once, so no two sets of disks ever stand still side by side."
        yield _concern(why, reason, "the strategy 'cold', or leave out compare_at_switchover")


def _concern(found: str, why: str, choose: str) -> Concern:
    return critical(ID, "No such live move", found=found, why=why, do=f"Choose {choose}.")
