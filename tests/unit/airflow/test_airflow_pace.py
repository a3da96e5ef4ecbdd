"""How often a live move is looked at: seldom on its way, often near its end."""

import pytest

from drover.hypervisors.port import LiveState, LiveStatus
from drover_airflow.triggers.base import Pace

TOTAL = 1000


def waits(rate, seconds):
    """The moments at which a move of this rate (bytes a second) is looked at."""
    pace, now, moments = Pace(), 0.0, []
    while now < seconds:
        moments.append(now)
        done = min(TOTAL, int(now * rate))
        now += pace.wait(LiveStatus(LiveState.RUNNING, done, TOTAL), now)
    return moments


def test_a_long_move_is_seldom_looked_at_until_its_end_is_near():
    moments = waits(rate=10, seconds=110)
    gaps = [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]
    assert max(gaps) == 5.0
    assert len([moment for moment in moments if moment < 85]) < 22
    # It ends at 100 s; nobody waits a second for that to be seen.
    assert max(gap for gap, moment in zip(gaps, moments, strict=False) if moment > 98) < 1.0


def test_a_move_that_stands_still_near_its_end_is_still_looked_at_often():
    pace = Pace()
    pace.wait(LiveStatus(LiveState.RUNNING, 0, TOTAL), 0.0)
    assert pace.wait(LiveStatus(LiveState.RUNNING, 999, TOTAL), 10.0) == pytest.approx(0.3)
    assert pace.wait(LiveStatus(LiveState.RUNNING, 999, TOTAL), 10.3) == pytest.approx(0.3)
    # Some hosts count beyond what they said it would be.
    assert pace.wait(LiveStatus(LiveState.RUNNING, 1001, TOTAL), 10.6) == pytest.approx(0.3)


def test_nothing_known_yet_is_no_hurry():
    pace = Pace()
    assert [pace.wait(LiveStatus(LiveState.RUNNING, 0, 0), float(now)) for now in range(8)][-1] == 5.0
