"""A machine that moves live under a limit is asked how much it writes, or its baseline is."""

from dataclasses import replace

import pytest
from fake_host import FakeHost
from test_performance import RATES, Metered, Source

from conftest import Site, build
from drover.errors import OperatorNeededError
from drover.migration import measuring


@pytest.fixture
def live(tmp_path, monkeypatch) -> Site:
    site = build(tmp_path, monkeypatch, Source("a", tmp_path / "a"), FakeHost("b", tmp_path / "b"))
    site.wave["machines"][0]["strategy"] = "live"
    site.wave["bandwidth"] = "1 MiB/s"
    monkeypatch.setattr(Metered, "rates", RATES)
    site.run("inventory")
    return site


def test_one_that_writes_more_than_the_limit_lets_through_stops_at_its_own_preflight(live: Site):
    with pytest.raises(OperatorNeededError, match=r"\[live.write_rate\] Machine 'web' writes 1.9 MiB a second"):
        live.run("preflight")
    live.wave["bandwidth"] = "4 MiB/s"
    live.run("preflight")


def test_the_baseline_is_believed_before_a_short_look(live: Site):
    with live.move() as move:
        usage = move.source.usage("web", 60.0)
        measuring.keep(move, replace(usage, write_rate=1000.0))
    live.run("preflight")


def test_nobody_looks_where_there_is_no_limit(live: Site, monkeypatch):
    del live.wave["bandwidth"]
    monkeypatch.setattr(Metered, "usage", None)
    live.run("preflight")
