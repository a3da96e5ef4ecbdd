"""An adapter that somebody disconnected."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "nic.disconnected"
WAIVABLE = False
KINDS = frozenset({"interface-disconnected"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS) if not p.keeps_definition else ():
        yield warning(
            ID,
            "Network adapter disconnected on purpose",
            found=f"An adapter of machine '{p.plan.name}' is not connected when it starts ({device}).",
            why="At a target of another kind it would be connected from the first moment.",
            do="Remove the adapter at the source if nobody needs it, or disconnect it at the target before the "
            "cutover.",
        )
