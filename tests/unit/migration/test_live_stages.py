"""Live moves that leave the source where it was, off."""

import pytest
from outcomes import OFF, RUNNING, taken_back

from conftest import STAGES, Site
from drover.errors import CorruptionError, RetryableError
from drover.hypervisors.port import LiveState
from drover.model import PowerState


@pytest.fixture
def live(site: Site) -> Site:
    site.wave["machines"][0] |= {"strategy": "live"}
    return site


def test_a_live_move_ends_with_the_target_running_and_the_source_kept(live: Site) -> None:
    for stage in STAGES:
        live.run(stage)

    assert (live.source.state("web"), live.target.state("web")) == (OFF, RUNNING)
    assert not live.source.known["web"].autostart


def test_a_live_move_that_fails_leaves_the_source_running(live: Site) -> None:
    live.run_until("transfer")
    live.source.outcome = LiveState.FAILED

    with pytest.raises(RetryableError, match="the test said so"):
        live.run("transfer")
    live.roll_back()

    assert taken_back(live)


def test_a_pause_at_the_switchover_compares_before_the_target_runs(live: Site) -> None:
    live.wave["machines"][0] |= {"compare_at_switchover": True}
    for stage in STAGES:
        live.run(stage)

    assert live.target.calls.index("resume") > live.target.calls.index("read_disks")
    assert live.target.state("web") is RUNNING


def test_a_difference_at_the_switchover_never_lets_the_target_run(live: Site) -> None:
    live.wave["machines"][0] |= {"compare_at_switchover": True}
    live.run_until("transfer")
    with live.move() as move:
        begin_transfer(move)
    with open(live.target.known["web"].disks[1].path, "r+b") as image:
        image.write(b"wrong")

    with pytest.raises(CorruptionError, match="disk vdb differs from byte 0"):
        live.run("transfer")
    assert live.target.state("web") is PowerState.PAUSED
    live.roll_back()

    assert taken_back(live)


def begin_transfer(move: object) -> None:
    from drover.migration import transfer

    assert transfer.begin(move)  # type: ignore[arg-type]
