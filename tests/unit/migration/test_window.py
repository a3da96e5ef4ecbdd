"""The change window is asked before a source goes down, on a clock of the test's own."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from conftest import Site
from drover.errors import OperatorNeededError
from drover.migration import intents, transfer, under_way, window
from drover.migration.intents import Intent
from drover.model import PowerState
from drover.waves.estimate import Load

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = {"opens": "22:00", "closes": "05:00", "timezone": "Europe/Berlin"}


class Clock:
    """What the window takes for now."""

    def __init__(self) -> None:
        self.set("2026-11-24 23:00")

    def set(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=BERLIN)

    def __call__(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(window, "clock", clock)
    return clock


@pytest.fixture
def night(site: Site, clock: Clock) -> Site:
    site.wave["window"] = NIGHT
    return site


@pytest.fixture
def looked(night: Site) -> Site:
    """As far as the pre-flight checks: what a machine's yes depends on is known."""
    night.wave["machines"][0]["waive"] = [{"id": "window.too_short", "reason": "We shall see how far we get."}]
    night.run("inventory")
    night.run("preflight")
    return night


def ask(site: Site):
    with site.move() as move:
        return window.check(move)


def begin(site: Site):
    """What a transfer does first of all."""
    with site.move() as move:
        return transfer._begin(move)


def words(site: Site, step: str, outcome: str = "failed") -> str:
    with site.move() as move:
        return str(move.store.last(step, outcome).facts)


def test_a_whole_move_inside_its_window(night: Site):
    night.run_until("transfer")
    with night.move() as move:
        facts = window.run(move)
    assert facts["closes"] == "Wed 25 Nov 2026 05:00 CET"
    assert 0 < facts["needed_seconds"] < facts["left_seconds"] == 6 * 3600
    night.run("transfer")
    assert night.source.state("web") is PowerState.OFF


def test_outside_of_it_a_machine_waits_and_the_evidence_says_until_when(looked: Site, clock: Clock):
    clock.set("2026-11-24 12:00")
    with looked.move() as move:
        opens = window.opens_at(move)
        assert move.store.records()[-1].facts["window"] == "Tue 24 Nov 2026 22:00 CET"
    assert opens == (clock.now + timedelta(hours=10)).timestamp()
    clock.set("2026-11-24 22:00")
    with looked.move() as move:
        assert window.opens_at(move) is None
    assert ask(looked)


def test_a_machine_that_waited_too_long_after_its_yes_does_not_go_down(looked: Site, clock: Clock):
    ask(looked)
    clock.set("2026-11-25 09:00")
    with pytest.raises(OperatorNeededError, match="was not begun: the window is closed and opens Wed"):
        begin(looked)
    with looked.move() as move:
        assert intents.declared(move.store, Intent.BEGUN) is None
    clock.set("2026-11-25 22:30")
    begin(looked)


def test_a_machine_that_would_arrive_too_late_is_not_begun_and_may_be_tried_again(night: Site, clock: Clock):
    night.run_until("transfer")
    clock.set("2026-11-25 04:59")
    with night.move() as move, pytest.raises(OperatorNeededError, match="would arrive after the window closes"):
        window.run(move)
    assert "leaves 60 s" in words(night, "window")
    with pytest.raises(OperatorNeededError, match="was not begun"):
        night.run("transfer")
    with night.move() as move:
        assert intents.declared(move.store, Intent.BEGUN) is None
    assert night.source.state("web") is PowerState.RUNNING
    assert night.roll_back()["nothing"], "there is nothing to take back"
    clock.set("2026-11-25 23:00")
    assert ask(night)
    begin(night)


def test_what_this_run_measured_decides_and_not_what_was_expected(looked: Site):
    """The wave's other machine took eight hours for its validation."""
    looked.wave["machines"].append({"name": "slow", "strategy": "cold"})
    with looked.move() as move:
        slow = move.store.run.machine("slow")
        facts = {"bytes_allocated": 1, "memory": 1, "from": "a", "to": "b"}
        slow.record("inventory", "passed", facts)
        slow.record("transfer", "passed", {"strategy": "cold"})
        slow.record("validate", "passed", {}, (datetime.now(BERLIN) - timedelta(hours=8)).timestamp())
    with pytest.raises(OperatorNeededError, match="8 h"):
        ask(looked)


def test_that_others_will_be_late_is_said_early_and_keeps_nobody_off(looked: Site, clock: Clock, caplog):
    looked.source.add("db", {"vda": bytes(1024)})
    looked.source.change("db", nics=())
    looked.wave["machines"].append({"name": "db", "strategy": "cold", "after": ["web"]})
    looked.run("preflight")
    clock.set("2026-11-25 04:58")
    facts = ask(looked)
    assert facts["late"] == ["db"]
    assert "'db' would arrive too late" in facts["early_word"]
    assert "will overrun its window" in caplog.text


def test_a_wave_that_will_overrun_stops_before_the_next_source_goes_down(night: Site, clock: Clock):
    """And it goes on stopping: that one machine was kept off does not make room for the others."""
    night.source.add("db", {"vda": bytes(1024)})
    night.source.change("db", nics=())
    night.wave["machines"].append({"name": "db", "strategy": "cold", "after": ["web"]})
    night.run_until("transfer")
    clock.set("2026-11-25 04:58")
    for _ in range(2):
        with pytest.raises(OperatorNeededError, match=r"because the wave will overrun its window.*'db' would arrive"):
            ask(night)
        with night.move() as move, pytest.raises(OperatorNeededError, match="overrun"):
            window.run(move)
        assert night.roll_back()["nothing"]
        with night.move() as move:
            behind = under_way.done(move)
            assert set(under_way.left(move, {"web": Load(1, 1), "db": Load(1, 1)}, behind)) == {"web", "db"}
    assert night.source.state("web") is PowerState.RUNNING
    clock.set("2026-11-25 23:00")
    assert "late" not in ask(night)
    begin(night)


def test_a_machine_that_went_back_has_all_of_its_way_before_it_again(looked: Site):
    with looked.move() as move:
        for step in ("backup", "transfer", "validate"):
            move.store.record(step, "passed", {"strategy": "cold"})
        assert {"transfer", "validate"} < under_way.done(move)["web"]
        move.store.record("rollback", "passed", {"source": "running"})
        assert under_way.done(move)["web"] == {"inventory", "preflight", "backup", "rollback"}
        looked.wave["machines"].append({"name": "db", "strategy": "cold", "after": ["web"]})
    with looked.move() as move:
        loads = {name: Load(1, 1) for name in ("web", "db")}
        assert list(under_way.left(move, loads, under_way.done(move))) == ["web"], "what needs it is out of this run"
        move.store.record("transfer", "passed", {"strategy": "cold"})
        assert list(under_way.left(move, loads, under_way.done(move))) == ["web", "db"]


def test_a_wave_that_does_not_fit_is_refused_by_its_first_task(night: Site, clock: Clock):
    clock.set("2026-11-25 04:59")
    night.run("inventory")
    with pytest.raises(OperatorNeededError, match=r"\[window.too_short\] The wave needs .* no machine of it fits"):
        night.run("preflight")
    assert night.source.state("web") is PowerState.RUNNING


def test_a_machine_that_has_begun_is_never_kept_from_arriving(looked: Site, clock: Clock):
    begin(looked)
    clock.set("2026-11-25 12:00")
    with looked.move() as move:
        assert window.opens_at(move) is None
    begin(looked)


def test_unknown_blocks(looked: Site):
    """Nobody looked how much there is to move."""
    with looked.move() as move:
        move.store.path("loads.json").unlink()
    with pytest.raises(OperatorNeededError, match="Nobody has asked yet"):
        ask(looked)


def test_a_wave_without_a_window_is_not_asked(site: Site):
    with site.move() as move:
        assert window.opens_at(move) is None
        assert window.check(move) == {}
