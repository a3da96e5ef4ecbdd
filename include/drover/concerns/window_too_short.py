"""The wave takes longer than its window is open.

A person may know better (the estimate is a cautious one), or accept that others of the wave are late; each machine is
then still asked again before it goes down, and does not where it would be late itself.
"""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern
from drover.waves.fit import asked

ID = "window.too_short"
WAIVABLE = True

_LABEL = "The wave does not fit into its window"


def check(p: Preflight) -> Iterator[Concern]:
    if not asked(p.wave):
        return
    if p.fit is None:
        yield unknown(
            ID,
            _LABEL,
            what="how long the wave takes, and so whether it fits into its window",
            do="Run this check again when all hosts of the wave answer.",
        )
    elif p.fit.late:
        yield critical(
            ID,
            _LABEL,
            found=p.fit.words,
            why="Machines would be off, or wait half way, when people come back to work.",
            do="Move the late ones in another wave, widen the window, or begin earlier.",
        )
