"""A figure: what was measured of Drover, and of its peer in the same run."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured.

    :param size: of each disk, bytes. :param demo: whether the demo's wave is run, too.
    :param say: told what is being measured.
    """

    size: int
    kinds: tuple[str, ...]
    demo: bool
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """:param ratio: below 1 means that Drover is better. :param aim: the highest ratio that is good; None: no aim."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    ratio: float
    aim: float | None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "met": None if self.aim is None else self.ratio <= self.aim}


def figure(name: str, value: float, peer: str, peer_value: float, *, aim: float | None, unit: str = "s") -> Figure:
    """Seconds: the fewer the better."""
    return Figure(name, round(value, 3), unit, peer, round(peer_value, 3), round(value / peer_value, 3), aim)


def best_of(rounds: int, *works: Callable[[], object]) -> list[float]:
    """The shortest time of each, in seconds; they take turns, so that a busy moment hits all of them."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for number, work in enumerate(works):
            started = time.monotonic()
            work()
            best[number] = min(best[number], time.monotonic() - started)
    return best
