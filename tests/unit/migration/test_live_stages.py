"""Live moves that leave the source where it was, off."""

import pytest
from fake_host import Killed
from outcomes import OFF, RUNNING, taken_back

from conftest import STAGES, Site
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveState
from drover.migration import compare, transfer
from drover.migration.move import Move
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
    assert transfer.begin(move)  # type: ignore[arg-type]


def test_killed_once_it_was_resumed_a_retry_tells_the_whole_pause(live: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the comparison took is downtime, also where the record of it was not written."""
    live.wave["machines"][0] |= {"compare_at_switchover": True}
    live.run_until("transfer")
    real = live.target.resume

    def killed(name: str) -> None:
        real(name)
        raise Killed

    monkeypatch.setattr(live.target, "resume", killed)
    monkeypatch.setattr(transfer, "_still", lambda _: 77.0)
    with pytest.raises(Killed):
        live.run("transfer")
    monkeypatch.setattr(transfer, "_still", lambda _: 0.0)
    live.run("transfer")
    with live.move() as move:
        passed = move.store.last("transfer", "passed")
    assert passed is not None
    assert passed.facts["downtime_seconds"] == 77.1


def test_a_source_that_somebody_started_during_the_comparison_keeps_the_target_paused(
    live: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.wave["machines"][0] |= {"compare_at_switchover": True}
    live.run_until("transfer")
    real = compare.both_ends

    def started(move: Move) -> None:
        real(move)
        live.source.change("web", state=RUNNING)

    monkeypatch.setattr(compare, "both_ends", started)
    with pytest.raises(OperatorNeededError, match="'web' is running at the source, so its paused double at the target"):
        live.run("transfer")
    assert live.target.state("web") is PowerState.PAUSED
