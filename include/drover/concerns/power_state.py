"""The machine is in a state that its strategy cannot start from."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState, Strategy

ID = "machine.power_state"
WAIVABLE = False

_LABEL = "Wrong power state"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None:
        return
    state, live = p.source.state, p.plan.strategy is Strategy.LIVE
    good = (PowerState.RUNNING,) if live else (PowerState.RUNNING, PowerState.OFF)
    if state is PowerState.OTHER:
        yield unknown(
            ID,
            _LABEL,
            what=f"in which state machine '{p.plan.name}' is (saved, crashed or changing)",
            do="Start it or shut it down at the source.",
        )
    elif state not in good:
        yield critical(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' is {state.value}.",
            why="A live move needs a guest that runs." if live else "A paused guest cannot shut down cleanly.",
            do="Start it, or choose the strategy 'cold'." if live else "Resume it or shut it down at the source.",
        )
