import pytest
from factory import CRITICAL, ask, categories, is_unknown, machine, preflight

from drover.concerns import power_state as concern
from drover.model import PowerState


@pytest.mark.parametrize(
    ("state", "live", "expected"),
    [
        (PowerState.RUNNING, False, []),
        (PowerState.OFF, False, []),
        (PowerState.PAUSED, False, [CRITICAL]),
        (PowerState.RUNNING, True, []),
        (PowerState.OFF, True, [CRITICAL]),
        (PowerState.PAUSED, True, [CRITICAL]),
    ],
)
def test_each_strategy_has_its_states(state, live, expected):
    assert categories(concern, preflight(machine(state=state), live=live)) == expected


@pytest.mark.parametrize("live", [True, False])
def test_a_state_that_nobody_knows_blocks(live):
    assert is_unknown(ask(concern, preflight(machine(state=PowerState.OTHER), live=live)))
