"""Performance is to be compared, and one of the hypervisors is not asked for its counters."""

from collections.abc import Iterator

from drover.concerns.finding import unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "performance.unknown"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.wave.performance is None or p.source is None or p.source.state is not PowerState.RUNNING:
        return
    for side, facts in (("source", p.source_facts), ("target", p.target_facts)):
        if not facts.measures:
            yield unknown(
                ID,
                "Performance cannot be compared",
                what=f"how machine '{p.plan.name}' performs at the {side}: Drover asks {facts.host.hypervisor} for no "
                "counters",
                do="Leave 'performance' out of the wave, and compare the platforms' own charts.",
            )
