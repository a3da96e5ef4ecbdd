"""The machine has its own share of its host: a reservation, a limit, more or fewer shares than others."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy

ID = "machine.resources"
WAIVABLE = False
KINDS = frozenset({"resources"})


def check(p: Preflight) -> Iterator[Concern]:
    """A libvirt machine that stays one keeps its definition, and a live move keeps it all."""
    shares = sorted(device.partition(" ")[2] for device in p.devices(KINDS))
    if shares and not p.keeps_definition and p.plan.strategy is not Strategy.LIVE:
        yield warning(
            ID,
            "Its own share of the host",
            found=f"Machine '{p.plan.name}' has its own share of its host ({', '.join(shares)}).",
            why="It stays behind: at the target it competes with others like any other machine.",
            do="Set it again at the target after the move, where somebody counts on it.",
        )
