"""Another wave moved the machine after this one had looked at it: there is never a second copy."""

import dataclasses

import pytest
from fake_host import FakeHost
from outcomes import OFF, RUNNING

from conftest import STAGES, Site
from drover.errors import OperatorNeededError
from drover.hypervisors import registry
from drover.hypervisors.connection import ConnectionSpec
from drover.migration import claims
from drover.migration.move import open_move
from drover.model import Ownership
from drover.waves.schema import Wave


@pytest.fixture
def other(site: Site, tmp_path, monkeypatch) -> Site:
    """The wave `other`, which is to move the machine of `site` to a third host."""
    third = FakeHost("c", tmp_path / "c")
    hosts = {"a": site.source, "b": site.target, "c": third}
    monkeypatch.setattr(registry, "connect", lambda spec: hosts[spec.id])
    other = dataclasses.replace(site, wave={**site.wave, "wave": "other", "target": "c"}, name="run-9", target=third)

    def move():
        wave = Wave.model_validate(other.wave)
        specs = {name: ConnectionSpec(name, "libvirt", name) for name in hosts}
        return open_move(wave, wave.machines[0].key, other.name, specs.__getitem__, other.root / "store")

    monkeypatch.setattr(other, "move", move)
    return other


@pytest.fixture
def overtaken(site: Site, other: Site) -> Site:
    """Prepared, and then the other wave moved its machine and committed."""
    other.run_until("transfer")
    for stage in STAGES:
        site.run(stage)
    return other


def test_what_was_moved_meanwhile_is_not_moved_again(site: Site, overtaken: Site) -> None:
    with pytest.raises(OperatorNeededError, match=r"was migrated by wave 'unit' in run run-1; what is here is the so"):
        overtaken.run("transfer")
    assert overtaken.target.state("web") is None
    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)
    with overtaken.move() as move:
        assert claims.foreign(move) is None, "nobody waits for a run that changed nothing"


def test_its_rollback_leaves_the_source_that_another_wave_left_behind(site: Site, overtaken: Site) -> None:
    with pytest.raises(OperatorNeededError):
        overtaken.run("transfer")
    overtaken.roll_back()
    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)
    assert site.source.known["web"].ownership.role == "migrated"


def test_what_another_wave_has_down_is_not_read_for_a_backup(site: Site, other: Site) -> None:
    """It could not be started again while it is read."""
    other.run_until("backup")
    site.run_until("validate")
    with pytest.raises(OperatorNeededError, match="being moved by wave 'unit' in run run-1"):
        other.run("backup")


def test_a_machine_that_somebody_shut_down_since_is_not_moved_as_a_running_one(site: Site) -> None:
    site.run_until("transfer")
    site.source.shut_down("web", 1.0)
    with pytest.raises(OperatorNeededError, match="'web' was running when the run began and is off now"):
        site.run("transfer")
    assert site.target.state("web") is None


def test_what_came_to_stand_in_the_way_since_stops_it_before_its_source_goes_down(site: Site) -> None:
    site.run_until("transfer")
    site.target.add("web", {"vda": bytes(1 << 20)}, OFF)
    site.target.change("web", uuid="00000000-0000-4000-8000-00000000beef")
    with pytest.raises(OperatorNeededError, match=r"'web' cannot be moved: \[target.name_taken\]"):
        site.run("transfer")
    assert site.source.state("web") is RUNNING
    with site.move() as move:
        assert claims.held(move.root) == []


def test_a_source_that_another_run_left_behind_is_not_started(site: Site) -> None:
    """Whatever made this run believe that it may: that other run's target is the machine now."""
    site.run_until("validate")
    theirs = Ownership("other", "run-9", "web", site.source.known["web"].uuid, "migrated")
    site.source.change("web", ownership=theirs)
    with pytest.raises(OperatorNeededError, match="was migrated by wave 'other' in run run-9"):
        site.roll_back()
    assert site.source.state("web") is OFF


def test_the_record_of_a_rollback_says_how_the_source_is(site: Site) -> None:
    site.source.change("web", state=OFF)
    site.run_until("validate")
    assert site.roll_back()["source"] == "off, as it was"
    site.run_until("validate")
    site.source.change("web", state=RUNNING)
    assert site.roll_back()["source"] == "running, and it was off when the run began"
