"""A wave's first task: what stands in the way of any machine of it keeps all of them where they are."""

import dataclasses

import pytest
from fake_host import MIB, FakeHost

from drover.errors import OperatorNeededError, RetryableError
from drover.evidence.store import RunStore
from drover.hypervisors import registry
from drover.hypervisors.connection import ConnectionSpec
from drover.migration import intents, wave_preflight
from drover.migration.intents import Intent
from drover.migration.outcome import WAVE_STEP, outcomes
from drover.migration.state import standings
from drover.model import Nic, Ownership, StoragePool
from drover.waves.schema import Wave


class World:
    """Two sources and one target."""

    def __init__(self, folder):
        self.root = folder / "store"
        self.hosts = {name: FakeHost(name, folder / name) for name in "abc"}
        for number, (host, name) in enumerate((("a", "db"), ("c", "web"))):
            self.hosts[host].add(name, {"vda": bytes(MIB)})
            self.hosts[host].change(name, nics=(Nic(f"52:54:00:00:00:1{number}", "production", "virtio"),))
        self.values = {
            "wave": "unit",
            "source": "a",
            "target": "b",
            "mappings": {"networks": {"production": "production"}, "storage": {"default": "default"}},
            "backup": {"folder": str(folder / "backup")},
            "machines": [
                {"name": "db", "strategy": "cold"},
                {"name": "web", "strategy": "cold", "source": "c", "after": ["db"]},
            ],
        }

    @property
    def wave(self):
        return Wave.model_validate(self.values)

    @property
    def store(self):
        return RunStore(self.root, "unit", "run-1")

    def look(self):
        return wave_preflight.run(self.wave, "run-1", _spec, self.root)

    def last(self, name):
        return self.store.machine(name).last(WAVE_STEP)


def _spec(name):
    return ConnectionSpec(name, "libvirt", name)


@pytest.fixture
def world(tmp_path, monkeypatch):
    found = World(tmp_path)
    monkeypatch.setattr(registry, "connect", lambda spec: found.hosts[spec.id])
    return found


def room(world, monkeypatch, size):
    monkeypatch.setattr(world.hosts["b"], "pools", lambda: [StoragePool("default", "/pool", True, 1 << 40, size)])


def test_where_nothing_stands_in_the_way_it_says_what_was_found(world):
    facts = world.look()
    assert (facts["machines"], facts["passed_over"]) == (2, [])
    assert world.last("web").outcome == "passed"
    assert {one.state.value for one in standings(world.wave, world.store)} == {"not begun"}


def test_a_later_machine_that_cannot_be_moved_keeps_the_first_one_off(world):
    world.hosts["b"].add("web", {"vda": bytes(1)})
    with pytest.raises(
        OperatorNeededError, match=r"Nothing of the wave 'unit' was begun.*'web': \[target.name_taken\]"
    ):
        world.look()
    told = outcomes(world.wave, world.store)
    assert told["db"] == {
        "state": "not begun",
        "why": "not begun: nothing of the wave began, because 'web' cannot be moved",
    }
    assert told["web"]["why"].startswith("not begun: [target.name_taken]")
    assert [(one.state.value, bool(one.why)) for one in standings(world.wave, world.store)] == [("not begun", True)] * 2
    assert world.hosts["a"].calls == ["host", "machines", "host"], "it was asked, and nothing else"


def test_what_two_sources_bring_into_one_pool_is_counted_together(world, monkeypatch):
    room(world, monkeypatch, 2 * MIB)
    world.look()
    room(world, monkeypatch, 2 * MIB - 1)
    with pytest.raises(OperatorNeededError, match="storage.too_small"):
        world.look()


def test_mended_and_tried_again_it_passes(world):
    world.hosts["b"].add("web", {"vda": bytes(1)})
    with pytest.raises(OperatorNeededError):
        world.look()
    world.hosts["b"].known.clear()
    world.look()
    assert outcomes(world.wave, world.store)["db"] == {"state": "not begun"}
    assert [one.why for one in standings(world.wave, world.store)] == [None, None]


def test_a_machine_that_an_earlier_run_moved_keeps_no_other_off(world):
    db = world.hosts["a"].known["db"]
    tag = Ownership("unit", "run-0", "db", db.uuid, "migrated")
    world.hosts["b"].known["db"] = dataclasses.replace(db, ownership=dataclasses.replace(tag, role="committed"))
    world.hosts["a"].change("db", ownership=tag)
    assert world.look()["passed_over"] == ["db"]
    world.hosts["a"].change("db", ownership=dataclasses.replace(tag, wave="other"))
    with pytest.raises(OperatorNeededError, match=r"\[machine.left_behind\]"):
        world.look()


def test_one_that_its_platform_took_along_neither(world):
    """Its source is not there any more."""
    db = world.hosts["a"].known.pop("db")
    tag = Ownership("unit", "run-0", "db", db.uuid, "committed")
    world.hosts["b"].known["db"] = dataclasses.replace(db, ownership=tag)
    assert world.look()["passed_over"] == ["db"]
    world.hosts["b"].known.clear()
    with pytest.raises(OperatorNeededError, match=r"\[machine.unknown\]"):
        world.look()


def test_a_machine_on_its_way_in_this_run_goes_on(world):
    """Somebody had the first task run once more."""
    intents.declare(world.store.machine("db"), Intent.BEGUN)
    world.hosts["b"].add("db", {"vda": bytes(1)})
    world.hosts["b"].change("db", nics=world.hosts["a"].known["db"].nics)
    assert world.look()["passed_over"] == ["db"]
    assert world.last("db") is None


def test_a_host_that_does_not_answer_is_told_of_each_machine(world):
    world.hosts["c"].gone = True
    with pytest.raises(RetryableError):
        world.look()
    assert (
        "the wave could not be looked at: The host c does not answer" in outcomes(world.wave, world.store)["db"]["why"]
    )


def test_what_was_waived_and_why_stands_in_the_records(world):
    world.hosts["b"].add("other", {"vda": bytes(1)})
    world.hosts["b"].change("other", nics=world.hosts["a"].known["db"].nics)
    reason = "The other one is switched off for good."
    world.values["machines"][0]["waive"] = [{"id": "target.mac_clash", "reason": reason}]
    world.look()
    assert world.last("db").facts["waived"] == {"target.mac_clash": reason}
