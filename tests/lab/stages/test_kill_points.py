"""SIGKILL at every task boundary and inside every long task, on real hosts: whichever way it goes on, exactly one runs.

Each point is hit on its own: the stages before it, the kill, then a retry to the end or a rollback. Every second kill
takes what the stage had started along, the others leave it alive.
"""

import pytest
from kill_points import Point
from lab_moves import MIB
from stones import Stones, before, stages

from drover.migration import claims

pytestmark = pytest.mark.lab

# The disk is read in the first 12 MiB, and read back in the next six.
BACK = 13 * MIB
# Every task's end: Airflow has not heard of it yet. One task's end is the next one's beginning.
BOUNDARIES = (
    *(Point(stage, "record.passed", after=True) for stage in ("inventory", "preflight", "backup")),
    Point("restore_test", "record.passed", after=True, wave="restore_test"),
    *(Point(stage, "record.passed", after=True) for stage in ("transfer", "validate")),
    Point("trial", "record.passed", after=True, wave="trial"),
    *(Point(stage, "record.passed", after=True) for stage in ("cutover", "commit")),
    Point("rollback", "record.passed", after=True, since="transfer"),
    Point("transfer", "record.passed", after=True, wave="live"),
)
BACKUP = (
    Point("backup", "backup_job.begin", after=True),
    *(Point("backup", "bytes", after=True, nth=count) for count in (8 * MIB, BACK)),
    Point("backup", "seal.write"),
    Point("restore_test", "target.define", after=True, wave="restore_test"),
    Point("restore_test", "bytes", after=True, wave="restore_test"),
    Point("restore_test", "trial.start", after=True, wave="restore_test"),
)
TRANSFER = (
    Point("transfer", "intent.begun", after=True),
    # The rollback of these two would wait for a shutdown that may still come.
    Point("transfer", "intent.source_down", after=True, ending="retry"),
    Point("transfer", "source.set_autostart", after=True, ending="retry"),
    Point("transfer", "power.press", after=True, ending="rollback"),
    Point("transfer", "source.shut_down", after=True),
    Point("transfer", "volumes.create", after=True),
    Point("transfer", "nbd_server.start", after=True, nth=2),
    Point("transfer", "target.tag", after=True),
    *(Point("transfer", "bytes", after=True, nth=count) for count in (8 * MIB, BACK)),
    Point("transfer", "intent.live_move", after=True, wave="live"),
    Point("transfer", "source.start_live", after=True, wave="live"),
    Point("transfer", "source.live_status", wave="live", nth=2),
)
VALIDATE = (
    Point("validate", "bytes", after=True, nth=5 * MIB),
    *(Point("trial", f"trial.{event}", after=True, wave="trial") for event in ("prepare", "start")),
)
CUTOVER = (
    Point("cutover", "intent.target_started", after=True),
    Point("cutover", "target.tag", after=True),
    Point("cutover", "target.power_on", after=True),
    Point("commit", "intent.committed", after=True),
    *(Point("commit", event, after=True) for event in ("source.tag", "target.tag")),
    Point("commit", "claims.release"),
)
ROLLBACK = (
    Point("rollback", "target.tag", after=True, since="cutover"),
    Point("rollback", "source.power_on", since="cutover"),
    Point("rollback", "source.power_on", after=True, since="transfer"),
    Point("rollback", "volumes.delete", after=True, since="transfer"),
    Point("rollback", "define.undefine", after=True, since="transfer"),
    Point("rollback", "claims.release", since="transfer"),
)
POINTS = (*BOUNDARIES, *BACKUP, *TRANSFER, *VALIDATE, *CUTOVER, *ROLLBACK)
COMMITTED = {("commit", "record.passed"), ("commit", "claims.release")}


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_killed_there_exactly_one_runs_and_its_data_is_whole(stones: Stones, point: Point) -> None:
    number = POINTS.index(point)
    stones.begin(point)
    outcome = stones.forks.order(stones.wave(point.wave), point.stage, kill=point, helpers=number % 2 == 0)
    assert outcome.killed, f"{point} was never reached: {outcome.told}"
    stones.hits.append(point)

    ending = point.ending or ("rollback" if point.stage == "rollback" or number % 4 < 2 else "retry")
    if ending == "retry":
        stones.run(point.wave, *stages(point.wave)[len(before(point)) :])
    else:
        stones.run(point.wave, "rollback")

    here, there = stones.ended()
    assert [here.state, there.state].count("running") == 1
    assert point.wave == "live" or not stones.pebble.ran_twice()
    assert claims.held(stones.root) == []
    if ending == "retry" or (point.stage, point.event) in COMMITTED:
        assert (there.state, there.autostart, there.tagged) == ("running", True, "committed")
        # Law: a wave never deletes a source.
        assert (here.state, here.autostart, here.tagged) == ("shut off", False, "migrated")
        assert there.digest == stones.pebble.digest
    else:
        assert (here.state, here.autostart) == ("running", True)
        assert there.state == "absent" or (there.state, there.autostart, there.tagged) == ("shut off", False, "kept")
    assert here.digest == stones.pebble.digest
    stones.settle(here, there)


def test_so_many_points_were_hit(stones: Stones) -> None:
    """Runs last: a kill that missed does not count."""
    assert len(set(stones.hits)) >= 40
