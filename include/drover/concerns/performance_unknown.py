"""Performance is to be compared, and something of it the hypervisors do not tell, or do not mean the same by."""

from collections.abc import Iterator

from drover.concerns.finding import information, unknown
from drover.concerns.preflight import Preflight
from drover.hypervisors.counters import ALL, WORDS, comparable
from drover.model import Concern, PowerState

ID = "performance.unknown"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.wave.performance is None or p.source is None or p.source.state is not PowerState.RUNNING:
        return
    dark = False
    for side, facts in (("source", p.source_facts), ("target", p.target_facts)):
        if not facts.measures:
            dark = True
            yield unknown(
                ID,
                "Performance cannot be compared",
                what=f"how machine '{p.plan.name}' performs at the {side}: Drover asks {facts.host.hypervisor} for no "
                "counters",
                do="Leave 'performance' out of the wave, and compare the platforms' own charts.",
            )
    if not dark:
        yield from _parts(p)


def _parts(p: Preflight) -> Iterator[Concern]:
    here, there = p.source_facts, p.target_facts
    left = ALL - comparable(here.host.hypervisor, here.measures, there.host.hypervisor, there.measures)
    if left:
        words = ", ".join(WORDS[name] for name in WORDS if name in left)
        yield information(
            ID,
            "Not all of the performance is compared",
            found=f"Of machine '{p.plan.name}', {here.host.hypervisor} and {there.host.hypervisor} do not both tell, "
            f"or do not count alike: {words}.",
            why="Everything else is compared; these would go unnoticed if they became worse.",
            do="Look at the platforms' own charts for them.",
        )
