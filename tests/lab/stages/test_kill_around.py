"""SIGKILL in what stands around a move on real hosts: what is measured, waited for, asked, read once, and removed."""

import pytest
from endings import Case, cases, go_on, kill, kill_and_end, whole
from kill_points import Point
from lab_moves import MIB, RUN, LabMove
from pebble import AWAY, HOME
from stones import Stones

from drover.errors import OperatorNeededError
from drover.evidence.store import RunStore
from drover.migration import claims, returning

pytestmark = pytest.mark.lab

MEASURED = (
    Point("baseline", "counters.read", after=True, nth=2, wave="performance", ending="retry"),
    Point("performance", "counters.read", after=True, nth=2, wave="performance", ending="both"),
    Point("performance", "record.passed", after=True, wave="performance", ending="rollback"),
)
WAITED = (
    Point("window", "record.begins", after=True, wave="window", ending="retry"),
    Point("window", "record.passed", after=True, wave="window", ending="rollback"),
)
ASKED = (
    # The question stands, and nobody has answered.
    Point("approval", "record.begins", after=True, wave="approval", ending="both"),
    # Somebody said yes, and that is not recorded.
    Point("approval", "record.begins", after=True, nth=2, wave="approval", ending="retry"),
    Point("approval", "record.passed", after=True, wave="approval", ending="rollback"),
)


@pytest.mark.parametrize("case", cases((*MEASURED, *WAITED, *ASKED)), ids=str)
def test_killed_around_the_move_exactly_one_runs_and_its_data_is_whole(stones: Stones, case: Case) -> None:
    kill_and_end(stones, case)


# Its transfer reads the backup, and its backup was read in the first 12 MiB, and read back.
OFF = (
    Point("backup", "bytes", after=True, nth=8 * MIB, wave="off", ending="retry"),
    Point("transfer", "bytes", after=True, nth=6 * MIB, wave="off", ending="both"),
    Point("cutover", "record.passed", after=True, wave="off", ending="rollback"),
)


@pytest.mark.parametrize("case", cases(OFF), ids=str)
def test_a_machine_that_is_off_and_read_once_stays_off_and_whole(stones: Stones, case: Case) -> None:
    kill(stones, case)
    go_on(stones, case)
    here, there = stones.ended()
    assert here.state == "shut off"
    assert stones.watch.ran(AWAY, stones.pebble) == []
    assert claims.held(stones.root) == []
    if case.ending == "retry":
        assert read_from(stones) == "backup"
        assert (here.autostart, there.state, there.tagged) == (False, "shut off", "committed")
    else:
        assert (here.autostart, there.state) == (True, "absent")
    whole(stones, case.point, here, there)


def read_from(stones: Stones) -> str:
    record = RunStore(stones.root, "stones", RUN).machine(stones.pebble.name).last("transfer", "passed")
    assert record is not None
    return str(record.facts["read_from"])


REMOVED = (
    Point("decommission", "source.tag", after=True, wave="retire", ending="retry"),
    # One of its two disks is gone.
    Point("decommission", "volumes.delete", after=True, wave="retire", ending="retry"),
    Point("decommission", "define.undefine", after=True, wave="retire", ending="retry"),
    # The first is a person's yes.
    Point("decommission", "record.passed", after=True, nth=2, wave="retire", ending="retry"),
)


@pytest.mark.parametrize("case", cases(REMOVED), ids=str)
def test_a_killed_decommission_goes_on_and_the_machine_runs_on(stones: Stones, case: Case) -> None:
    kill(stones, case)
    with pytest.raises(OperatorNeededError, match="is not taken back|was not committed"):
        take_back(stones)
    runs_on(stones)
    if case.point.event != "record.passed":
        stones.run("retire", "decommission")
    here, there = stones.ended()
    assert (here.state, here.disks) == ("absent", ())
    assert list(stones.pebble.images(HOME).glob(f"{stones.pebble.name}*")) == []
    assert (there.state, there.tagged, there.networks) == ("running", "committed", ("production",))
    whole(stones, case.point, here, there)
    assert not stones.watch.two_ran(stones.pebble, AWAY)
    assert claims.held(stones.root) == []


def take_back(stones: Stones) -> None:
    """A person decides that the committed move is taken back, of which half of the source is removed."""
    move = LabMove(stones.pebble.lab, stones.root, stones.wave("retire"))
    with move.open() as opened:
        returning.begin(opened)
    move.run("rollback")


def runs_on(stones: Stones) -> None:
    spans = stones.watch.ran(AWAY, stones.pebble)
    assert [end for _, end in spans] == [float("inf")], "it was stopped at the target, and its source is half gone"
