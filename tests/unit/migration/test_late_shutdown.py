"""A guest that goes off long after its rollback, because it had been asked to: it is started again, and told."""

import dataclasses
from datetime import datetime

import pytest
from outcomes import OFF, RUNNING

from conftest import Site
from drover.errors import OperatorNeededError, RetryableError
from drover.evidence.store import RunStore
from drover.migration import late
from drover.migration.outcome import outcomes
from drover.migration.telling import sentences
from drover.waves.schema import Wave


@pytest.fixture
def slow(site: Site) -> Site:
    """Its guest did not shut down in time, and it has no checks that could tell that it does so later."""
    site.wave["machines"][0] |= {"shutdown_deadline": "1 s", "checks": []}
    site.run_until("transfer")
    site.source.break_at("shut_down", OperatorNeededError("It still runs.", remedy="Wait."))
    with pytest.raises(OperatorNeededError):
        site.run("transfer")
    return site


def told(site: Site) -> str:
    wave = Wave.model_validate(site.wave)
    run = RunStore(site.root / "store", wave.wave, site.name)
    return "\n".join(sentences(wave, run, outcomes(wave, run)))


def test_the_rollback_says_that_the_order_is_under_way(slow: Site) -> None:
    facts = slow.roll_back()

    assert "it was asked to shut down at" in facts["shutdown"]
    assert facts["shutdown"] in told(slow)
    assert [mark.machine for mark in late.marked(slow.root / "store")] == ["web"]


def test_it_is_started_again_when_it_goes_off_after_the_rollback(slow: Site) -> None:
    slow.roll_back()
    assert "it is running; it was asked to shut down" in slow.roll_back()["nothing"]
    slow.source.change("web", state=OFF)

    facts = slow.roll_back()

    assert slow.source.state("web") is RUNNING
    assert slow.source.known["web"].autostart
    assert "obeyed an order to shut down" in facts["started_again"]
    assert facts["started_again"] in told(slow)
    assert late.marked(slow.root / "store") == []
    # Once: from here on whoever switches it off means it.
    slow.source.change("web", state=OFF)
    slow.roll_back()
    assert slow.source.state("web") is OFF


def test_a_rollback_that_was_killed_after_its_wait_looks_again(slow: Site) -> None:
    slow.source.break_at("set_autostart", RetryableError("It does not answer.", remedy="Wait."))
    with pytest.raises(RetryableError):
        slow.roll_back()

    assert "shutdown" in slow.roll_back()


def test_one_that_went_off_before_its_rollback_has_obeyed(slow: Site) -> None:
    slow.source.change("web", state=OFF)

    assert "shutdown" not in slow.roll_back()

    assert slow.source.state("web") is RUNNING
    assert late.marked(slow.root / "store") == []


def test_a_guest_that_was_seen_off_has_no_order_open(site: Site) -> None:
    """Somebody started the source beside the move; it is not waited for."""
    site.run_until("validate")
    site.source.change("web", state=RUNNING)

    assert "shutdown" not in site.roll_back()


def test_after_two_hours_nobody_looks_any_more(slow: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "WATCH_SECONDS", -1.0)
    slow.roll_back()

    assert "it is running" in slow.roll_back()["nothing"]

    assert late.marked(slow.root / "store") == []


def test_what_goes_off_between_two_looks_is_started_though_the_time_is_over(
    slow: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late, "WATCH_SECONDS", -1.0)
    slow.roll_back()
    slow.source.change("web", state=OFF)

    slow.roll_back()

    assert slow.source.state("web") is RUNNING


def test_never_beside_a_target_that_runs(slow: Site) -> None:
    slow.roll_back()
    there = dataclasses.replace(slow.source.known["web"], name="somebody's")
    slow.target.known["somebody's"] = there
    slow.source.change("web", state=OFF)

    with pytest.raises(OperatorNeededError, match=r"'somebody's' is running at the target"):
        slow.roll_back()

    assert slow.source.state("web") is OFF


def test_a_run_that_moves_it_since_is_left_alone(slow: Site) -> None:
    """Its source is off on purpose, and stays so."""
    slow.roll_back()
    later = dataclasses.replace(slow, name="run-2")
    for stage in ("inventory", "preflight", "backup", "transfer", "validate", "test", "cutover", "commit"):
        later.run(stage)

    slow.roll_back()

    assert (slow.source.state("web"), slow.target.state("web")) == (OFF, RUNNING)


def test_a_run_that_was_refused_leaves_the_order_to_the_sweep(slow: Site) -> None:
    slow.roll_back()
    later = dataclasses.replace(slow, name="run-2")
    later.run_until("transfer")
    slow.source.change("web", state=OFF)
    with pytest.raises(OperatorNeededError, match="is off now"):
        later.run("transfer")

    slow.roll_back()

    assert slow.source.state("web") is RUNNING


def test_one_that_is_not_there_any_more_is_told(slow: Site) -> None:
    slow.roll_back()
    slow.source.known["other name"] = dataclasses.replace(slow.source.known.pop("web"), name="other name")

    with pytest.raises(OperatorNeededError, match="is called 'other name' at the source by now"):
        slow.roll_back()


def test_the_mark_says_when(slow: Site) -> None:
    before = datetime.now().timestamp()
    slow.roll_back()
    with slow.move() as move:
        mark = late.of(move)
        assert mark is not None
        assert mark.asked < before
        assert before + 7000 < mark.until < before + 7300
