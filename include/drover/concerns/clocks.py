"""The clocks of the two hosts are apart."""

import math
from collections.abc import Iterator

from drover.concerns.finding import critical, unknown, warning
from drover.concerns.preflight import HostFacts, Preflight
from drover.model import Concern

ID = "host.clocks"
WAIVABLE = True

_LABEL = "Clocks apart"
WARN_SECONDS = 2.0
BLOCK_SECONDS = 60.0


def check(p: Preflight) -> Iterator[Concern]:
    hosts = (p.source_facts, p.target_facts)
    for facts in hosts:
        if not math.isfinite(facts.host.clock) or facts.host.clock <= 0:
            yield unknown(ID, _LABEL, what=f"what time it is on {facts.host.name}", do="Check its clock (timedatectl).")
            return
    (source, vague), (target, vaguer) = map(_offset, hosts)
    # How long the hosts took to answer is taken off: it is not their clocks' fault.
    apart = max(0.0, abs(source - target) - vague - vaguer)
    if apart <= WARN_SECONDS:
        return
    tell = critical if apart > BLOCK_SECONDS else warning
    yield tell(
        ID,
        _LABEL,
        found=f"The clocks of {p.source_host.name} and {p.target_host.name} are {apart:.1f} s apart.",
        why="The guest's time jumps by as much: certificates, databases and clusters stumble over that.",
        do="Let both hosts follow the same time servers (chrony).",
    )


def _offset(facts: HostFacts) -> tuple[float, float]:
    """By how many seconds a host's clock is ahead of ours, and how far off that may be."""
    before, after = facts.asked
    return facts.host.clock - (before + after) / 2, abs(after - before) / 2
