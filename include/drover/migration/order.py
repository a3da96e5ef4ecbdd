"""Back in reverse order: a machine's source starts after the sources of the machines that need it.

Only machines of the same run that are on their way hold a claim, so only those are waited for: what was never begun,
or is committed and stays so, keeps nobody off.
"""

import logging
import time

from drover.migration import claims
from drover.migration.move import Move
from drover.waves.deadlines import patience
from drover.waves.order import downstream

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


def wait_for_dependants(move: Move) -> list[str]:
    """Returns when none of them is on its way any more, or after a while: a source that stays off helps nobody.

    :returns: the machines that were not waited for to the end.
    """
    end = time.monotonic() + patience(move.wave, move.plan)
    told: list[str] = []
    while waiting := _on_their_way(move):
        if time.monotonic() > end:
            log.warning("%s: goes back before %s, which did not come back in time.", move.name, ", ".join(waiting))
            return waiting
        if waiting != told:
            log.info("%s: waits until %s came back, which need it.", move.name, ", ".join(waiting))
            told = waiting
        time.sleep(_LOOK_SECONDS)
    return []


def _on_their_way(move: Move) -> list[str]:
    needing = {plan.name for plan in downstream(move.wave, move.name)}
    if not needing:
        return []
    mine = (move.wave.wave, move.run)
    return [c.machine for c in claims.held(move.root) if (c.wave, c.run) == mine and c.machine in needing]
