"""Performance before the move and after it: the two stages over hosts that count, and over one that does not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_host import FakeHost
from fake_live import LiveFakeHost
from outcomes import OFF, RUNNING

from conftest import Site, build
from drover.errors import OperatorNeededError
from drover.hypervisors.counters import ALL, Counters, Usage, measure
from drover.migration import baseline, commit, inventory, performance

RATES = Counters(0.5, 300e6, 4e6, 2e6, 100.0, 50.0, 0.1, 0.1, 5e5, 8e5)


class Metered:
    """Counts by the second, by a clock of the test's own."""

    now = 0.0
    rates = RATES

    def figures(self) -> frozenset[str]:
        return ALL

    def usage(self, name: str, seconds: float) -> Usage:
        return measure(self.counted, name, seconds, lambda: Metered.now, _wait)

    def counted(self) -> Counters:
        values = {key: value * Metered.now for key, value in _values(self.rates) if key != "memory"}
        return replace(self.rates, **values)


class Source(Metered, LiveFakeHost):
    pass


class Target(Metered, FakeHost):
    pass


def _values(counted: Counters) -> list[tuple[str, float]]:
    return [(name, getattr(counted, name)) for name in counted.__slots__]


def _wait(seconds: float) -> None:
    Metered.now += seconds


def _made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: FakeHost) -> Site:
    site = build(tmp_path, monkeypatch, Source("a", tmp_path / "a"), target)
    site.wave["performance"] = {"baseline": "5 min", "tolerance": "10 %"}
    return site


@pytest.fixture
def metered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return _made(tmp_path, monkeypatch, Target("b", tmp_path / "b"))


def stage(site: Site, run: Any) -> Any:
    with site.move() as move:
        return run(move)


def passed(site: Site, name: str) -> None:
    with site.move() as move:
        move.store.record(name, "passed", {})


def measured_before(site: Site) -> None:
    stage(site, inventory.run)
    passed(site, "preflight")
    assert stage(site, baseline.run)["cpu"] == 0.5
    passed(site, "cutover")


def test_the_same_performance_lets_the_move_go_on(metered: Site) -> None:
    measured_before(metered)
    facts = stage(metered, performance.run)
    assert facts["checks"] == 8
    assert facts["not_compared"] == []
    assert facts["seconds"] == 300
    assert Path(facts["results"]).exists()


def test_worse_performance_fails_in_words(metered: Site) -> None:
    measured_before(metered)
    metered.target.rates = replace(RATES, sent_bytes=1e5)
    with pytest.raises(OperatorNeededError, match=r"'web' does not perform .* Sending: 800.0 kB/s before, 100.0"):
        stage(metered, performance.run)


def test_after_worse_performance_the_source_runs_again_and_the_target_is_kept(metered: Site) -> None:
    for name in ("inventory", "preflight"):
        metered.run(name)
    stage(metered, baseline.run)
    for name in ("backup", "transfer", "validate", "test", "cutover"):
        metered.run(name)
    metered.target.rates = replace(RATES, cpu=5.0)
    with pytest.raises(OperatorNeededError, match="CPU time: 0.50 CPUs before, 5.00 CPUs after"):
        stage(metered, performance.run)
    metered.roll_back()
    assert metered.source.state("web") is RUNNING
    assert metered.target.state("web") is OFF


def test_a_machine_that_is_off_has_no_baseline_and_is_not_failed(metered: Site) -> None:
    metered.source.known["web"] = replace(metered.source.known["web"], state=OFF)
    stage(metered, inventory.run)
    passed(metered, "preflight")
    assert stage(metered, baseline.run) == {"measured": "nothing: the machine is off"}
    passed(metered, "cutover")
    assert stage(metered, performance.run) == {"compared": "nothing: the machine was off before its move"}


def test_a_target_that_does_not_tell_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = _made(tmp_path, monkeypatch, FakeHost("b", tmp_path / "b"))
    measured_before(site)
    with pytest.raises(OperatorNeededError, match="How machine 'web' performs is not known"):
        stage(site, performance.run)


def test_there_is_no_commit_without_the_comparison_that_the_wave_asks_for(metered: Site) -> None:
    measured_before(metered)
    with pytest.raises(OperatorNeededError, match="its stage 'performance' has not passed"):
        stage(metered, commit.run)


def test_what_the_two_ends_do_not_both_tell_is_recorded(metered: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Target, "kind", "vsphere")
    monkeypatch.setattr(Target, "figures", lambda self: ALL - {"read_latency"})
    measured_before(metered)
    metered.target.rates = replace(RATES, memory=900e6)
    assert stage(metered, performance.run)["not_compared"] == ["memory", "read_latency"]
