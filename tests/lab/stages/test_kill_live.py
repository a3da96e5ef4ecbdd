"""SIGKILL around a live move on real hosts: before it, in it, in its pause, and long after the machine arrived.

What holds the law here is when QEMU ran its processors at each end: two QEMUs of the machine are there at once.
"""

import pytest
from endings import LIVE, Case, cases, kill_and_end
from kill_points import Point
from lab_moves import MIB
from pebble import AWAY, HOME, NAME
from stones import Stones

pytestmark = pytest.mark.lab

UNDER_WAY = (
    Point("transfer", "intent.live_move", after=True, wave="live", ending="both"),
    Point("transfer", "source.start_live", after=True, wave="live", ending="both"),
    Point("transfer", "source.live_status", wave="live", nth=2, ending="both"),
)
# The machine runs at the target by now; taken back, it is started at the source, and what it wrote there is kept.
ARRIVED = (
    Point("transfer", "intent.target_started", after=True, wave="live", ending="rollback"),
    # The first is the move's beginning.
    Point("transfer", "record.passed", after=True, nth=2, wave="live", ending="both"),
    Point("validate", "target.translated", after=True, wave="live", ending="both"),
    Point("trial", "record.passed", after=True, wave="live", ending="rollback"),
    Point("cutover", "record.begins", after=True, wave="live", ending="both"),
    Point("commit", "source.tag", after=True, wave="live", ending="both"),
)
TAKEN_BACK = (
    Point("rollback", "target.shut_down", after=True, since="transfer", wave="live"),
    Point("rollback", "target.tag", after=True, since="cutover", wave="live"),
    *(Point("rollback", "source.power_on", after=after, since="cutover", wave="live") for after in (False, True)),
)
# The source is off, the target stands still, and both disks are read.
PAUSED = (
    Point("transfer", "bytes", after=True, nth=6 * MIB, wave="paused", ending="both"),
    Point("transfer", "compare.both_ends", after=True, wave="paused", ending="rollback"),
    Point("transfer", "target.tag", after=True, wave="paused", ending="rollback"),
    *(Point("transfer", "target.resume", after=after, wave="paused", ending="both") for after in (False, True)),
)


@pytest.mark.parametrize("case", cases((*UNDER_WAY, *ARRIVED, *TAKEN_BACK, *PAUSED)), ids=str)
def test_killed_around_a_live_move_exactly_one_runs_and_its_data_is_whole(stones: Stones, case: Case) -> None:
    assert case.point.wave in LIVE
    kill_and_end(stones, case)


def test_two_that_run_at_once_are_seen(stones: Stones) -> None:
    """What the others are held against can tell: somebody starts the source of a live move that is done."""
    stones.begin(Point("validate", "", wave="live"))
    assert not stones.watch.two_ran(stones.pebble, AWAY)
    stones.pebble.lab.virsh(HOME, "start", NAME)
    stones.pebble.lab.virsh(HOME, "destroy", NAME)
    assert stones.watch.two_ran(stones.pebble, AWAY)
