"""Behind one manager both ends know the machine: where it is tells what happened, and balancing is no move of ours."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fake_host import FakeHost
from fake_live import TakingFakeHost

from conftest import STAGES, Site, build
from drover.errors import OperatorNeededError
from drover.hypervisors import registry
from drover.hypervisors.port import TargetSettings
from drover.migration import along
from drover.model import Host, Ownership, PowerState, StoragePool, VirtualMachine


class Manager(TakingFakeHost):
    """It has an id of its own, two hosts and two datastores."""

    kind = "vsphere"

    def host(self) -> Host:
        return dataclasses.replace(super().host(), id="the manager's own")

    def hosts(self) -> list[Host]:
        return [dataclasses.replace(super(Manager, self).host(), name=name) for name in ("a", "esx-2", "esx-3")]

    def pools(self) -> list[StoragePool]:
        (pool,) = super().pools()
        return [pool, dataclasses.replace(pool, name="fast")]

    def translated(self, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
        made = super().translated(machine, settings)
        disks = (dataclasses.replace(disk, pool=settings.storage[disk.pool or ""]) for disk in made.disks)
        return dataclasses.replace(made, disks=tuple(disks))


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager("a", tmp_path / "a")


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: Manager) -> Site:
    """The connections `a` and `b` lead to one manager."""
    site = build(tmp_path, monkeypatch, manager, manager)
    monkeypatch.setattr(registry, "connect", lambda spec: manager)
    raw = {"id": "disk.format", "reason": "The fake host keeps its disks so."}
    site.wave["machines"][0] |= {"strategy": "live", "mappings": {"host": "esx-2"}, "waive": [raw]}
    return site


def only_disks(site: Site) -> None:
    site.wave["machines"][0]["mappings"] = {"host": "a", "storage": {"default": "fast"}}


def pools(manager: FakeHost) -> set[str | None]:
    return {disk.pool for disk in manager.known["web"].disks}


def test_two_connections_to_one_manager_are_known_as_one(inside: Site, manager: Manager) -> None:
    inside.run_until("commit")
    assert manager.known["web"].host == "esx-2"

    inside.roll_back()

    assert (manager.known["web"].host, manager.state("web")) == ("a", PowerState.RUNNING)


def test_only_the_disks_move_and_come_back(inside: Site, manager: Manager) -> None:
    only_disks(inside)
    for stage in STAGES:
        inside.run(stage)
    assert (manager.known["web"].host, pools(manager)) == ("a", {"fast"})
    with inside.move() as move:
        assert along.at_source(move) is None
        assert along.at_target(move) is not None


def test_disks_that_did_not_move_are_at_the_source_on_whatever_host(inside: Site, manager: Manager) -> None:
    only_disks(inside)
    inside.run_until("transfer")
    with inside.move() as move:
        from drover.migration import intents

        along.meet(move)
        intents.declare(move.store, intents.Intent.LIVE_MOVE)
        manager.change("web", host="esx-3")
        assert along.at_source(move) is not None
        assert along.at_target(move) is None


@pytest.mark.parametrize("host", ["esx-2", "esx-3"])
def test_a_machine_that_was_balanced_away_before_the_move_is_moved_all_the_same(
    inside: Site, manager: Manager, host: str
) -> None:
    inside.run_until("transfer")
    manager.change("web", host=host)

    inside.run("transfer")

    assert "start_live" in manager.calls
    assert manager.known["web"].host == "esx-2"


def test_a_machine_that_was_balanced_away_before_the_move_is_let_go_by_a_rollback(
    inside: Site, manager: Manager
) -> None:
    inside.run_until("transfer")
    manager.change("web", host="esx-3")
    manager.calls.clear()

    assert "nothing" in inside.roll_back()

    assert "release_disks" in manager.calls
    assert manager.known["web"].host == "esx-3"


def test_a_try_that_has_arrived_begins_no_second_move(inside: Site, manager: Manager) -> None:
    inside.run_until("transfer")
    with inside.move() as move:
        from drover.migration import transfer

        transfer.begin(move)
        manager.calls.clear()
        assert along.arrived(move)
        transfer.begin(move)
        assert "start_live" not in manager.calls
        manager.change("web", host="esx-3")
        assert not along.arrived(move), "another host than the one that was asked for"


def test_a_commit_is_taken_back_from_where_this_very_machine_is(along: Site) -> None:
    """Another one of its name and tag, a clone, is not it."""
    for stage in STAGES:
        along.run(stage)
    with along.move() as move:
        from drover.migration import returning

        returning.begin(move)
    along.target.change("web", uuid="of a clone")

    with pytest.raises(OperatorNeededError, match="at the target is not what run run-1 left there"):
        along.roll_back()


class Trying(FakeHost):
    """A target whose trials boot the machine itself."""

    def end_trial(self, name: str, owner: Ownership) -> None:
        self._enter("end_trial")
        self.change(name, state=PowerState.OFF)


def test_a_machine_that_a_killed_trial_left_running_never_ran_in_production(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Site
) -> None:
    target: Any = Trying("c", tmp_path / "c")
    source = site.source
    monkeypatch.setattr(registry, "connect", lambda spec: {"a": source, "b": target}[spec.id])
    site.run_until("test")
    target.change("web", state=PowerState.RUNNING)

    facts = site.roll_back()

    assert "end_trial" in target.calls
    assert (facts["target"], target.known) == ("removed", {})
