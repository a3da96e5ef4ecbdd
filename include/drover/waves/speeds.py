"""How fast a machine's steps go, between two connections: what earlier runs took, or else a cautious default.

The defaults are measured, with Drover's own SSH path and whole waves on two cores without hardware help; a site with
more of both is faster, and its second wave is estimated from what its first one took.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from drover.model import Strategy

MIB = 1024**2

# Bytes a second. A copy reads at one end and writes at the other over the same machine, which halves what one gives.
READ_RATE = 322.0 * MIB
COPY_RATE = READ_RATE / 2
# How much of disks and memory a live move passes: a busy guest writes meanwhile, and that is copied again.
REWRITES = 1.2
# What Airflow needs from the end of a step to the beginning of the next.
BETWEEN = 0.8
# Seconds of the wave's first task, more for each connection that it asks, and for each machine whose writes it counts.
FIRST = 1.0
FIRST_PER_HOST = 0.5
FIRST_PER_LIVE = 2.0

# Seconds of each step beside its bytes: asking hosts, shutting down, reading a guest's files offline, booting.
FIXED: Mapping[Strategy, Mapping[str, float]] = {
    Strategy.COLD: {
        "inventory": 2.0,
        "preflight": 1.5,
        "baseline": 1.0,
        "backup": 1.5,
        "restore-test": 15.0,
        "transfer": 3.0,
        "validate": 38.0,
        "test": 11.0,
        "cutover": 12.0,
        "performance": 1.0,
        "commit": 1.0,
    },
    Strategy.LIVE: {
        "inventory": 2.0,
        "preflight": 2.0,
        "baseline": 1.0,
        "backup": 1.5,
        "restore-test": 15.0,
        "transfer": 7.0,
        "validate": 37.0,
        "test": 2.0,
        "cutover": 2.0,
        "performance": 1.0,
        "commit": 1.0,
    },
}


@dataclass(frozen=True, slots=True)
class Speeds:
    """Of one machine between two connections.

    :param copy: :param read: bytes a second. :param live: the same for the platform's own move.
    :param rewrites: how much of disks and memory a live move passes.
    :param fixed: seconds of each step beside its bytes; a step that is not here takes its default.
    :param runs: how many earlier moves this rests on.
    """

    copy: float = COPY_RATE
    read: float = READ_RATE
    live: float = COPY_RATE
    rewrites: float = REWRITES
    fixed: Mapping[str, float] = field(default_factory=dict)
    runs: int = 0

    def seconds(self, strategy: Strategy, step: str) -> float:
        """What a step takes beside its bytes."""
        default = FIXED[Strategy.LIVE if strategy is Strategy.LIVE else Strategy.COLD]
        return self.fixed.get(step, default.get(step, 0.0)) + BETWEEN


@dataclass(frozen=True, slots=True)
class Known:
    """Speeds by source and target connection and strategy, and by machine too where that one was moved before."""

    pairs: Mapping[tuple[str, str, Strategy], Speeds] = field(default_factory=dict)
    machines: Mapping[tuple[str, str, Strategy, str], Speeds] = field(default_factory=dict)

    def of(self, source: str, target: str, strategy: Strategy, machine: str) -> Speeds:
        pair = (source, target, strategy)
        return self.machines.get((*pair, machine)) or self.pairs.get(pair) or Speeds()


DEFAULTS = Known()
