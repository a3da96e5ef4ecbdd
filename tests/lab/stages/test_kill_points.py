"""SIGKILL at every task boundary and inside every long task, on real hosts: whichever way it goes on, exactly one runs.

Each point is hit on its own: the stages before it, the kill, then a retry to the end or a rollback. Every second kill
takes what the stage had started along, the others leave it alive.
"""

import pytest
from endings import Case, cases, kill_and_end
from kill_points import Point
from lab_moves import MIB
from stones import Stones

pytestmark = pytest.mark.lab

# The disk is read in the first 12 MiB, and read back in the next six.
BACK = 13 * MIB
# Every task's end: Airflow has not heard of it yet. One task's end is the next one's beginning.
BOUNDARIES = (
    *(Point(stage, "record.passed", after=True) for stage in ("inventory", "preflight", "backup")),
    Point("restore_test", "record.passed", after=True, wave="restore_test"),
    *(Point(stage, "record.passed", after=True) for stage in ("transfer", "validate")),
    Point("trial", "record.passed", after=True, wave="trial"),
    Point("cutover", "record.passed", after=True, ending="both"),
    Point("commit", "record.passed", after=True),
    Point("rollback", "record.passed", after=True, since="transfer"),
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
    # Of its two disks one is there, and the other is not.
    Point("transfer", "volumes.create", after=True),
    Point("transfer", "nbd_server.start", after=True, nth=2),
    Point("transfer", "target.tag", after=True),
    *(Point("transfer", "bytes", after=True, nth=count) for count in (8 * MIB, BACK)),
)
VALIDATE = (
    Point("validate", "bytes", after=True, nth=5 * MIB),
    *(Point("trial", f"trial.{event}", after=True, wave="trial") for event in ("prepare", "start")),
)
CUTOVER = (
    Point("cutover", "intent.target_started", after=True, ending="both"),
    Point("cutover", "target.tag", after=True, ending="both"),
    Point("cutover", "target.power_on", after=True, ending="both"),
    Point("commit", "intent.committed", after=True, ending="both"),
    *(Point("commit", event, after=True, ending="both") for event in ("source.tag", "target.tag")),
    Point("commit", "claims.release"),
)
ROLLBACK = (
    Point("rollback", "target.tag", after=True, since="cutover"),
    Point("rollback", "source.power_on", since="cutover"),
    Point("rollback", "source.power_on", after=True, since="transfer"),
    *(Point("rollback", "volumes.delete", after=True, since="transfer", nth=disk) for disk in (1, 2)),
    Point("rollback", "define.undefine", after=True, since="transfer"),
    Point("rollback", "claims.release", since="transfer"),
)
POINTS = (*BOUNDARIES, *BACKUP, *TRANSFER, *VALIDATE, *CUTOVER, *ROLLBACK)


@pytest.mark.parametrize("case", cases(POINTS), ids=str)
def test_killed_there_exactly_one_runs_and_its_data_is_whole(stones: Stones, case: Case) -> None:
    kill_and_end(stones, case)


def test_so_many_points_were_hit(stones: Stones) -> None:
    """Runs last: a kill that missed does not count."""
    assert len(set(stones.hits)) >= 40
