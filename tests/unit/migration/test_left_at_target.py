"""What could not be removed at the target is looked for, named, and taken away later; nobody else's is touched."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_host import FakeHost
from outcomes import OFF, RUNNING

from conftest import STAGES, Site
from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.migration import claims, leftovers
from drover.migration.claims import Claim
from drover.model import Ownership
from drover.waves.schema import Wave

AWAY = RetryableError("The host is away.", remedy="Wait.")


class Leaving(FakeHost):
    """Its trial machine outlives a trial, as one does that cannot be ended; `remove` ends it, as on real hosts."""

    stuck = True

    def remove(self, name: str, owner: Ownership) -> None:
        if self.stuck and f"{name}-drover-trial" in self.known:
            self._enter("remove")
            raise OperatorNeededError("The trial machine does not end.", remedy="Look at it.")
        self.known.pop(f"{name}-drover-trial", None)
        super().remove(name, owner)


@pytest.fixture
def taken_back(site: Site) -> Site:
    """The trial went wrong and its machine stayed, so the rollback could not remove the target."""
    site.run_until("validate")
    site.target.__class__ = Leaving
    made = site.target.known["web"]
    assert made.ownership is not None
    tag = replace(made.ownership, role="trial")
    site.target.known["web-drover-trial"] = replace(
        made, name="web-drover-trial", uuid="of the trial", disks=(), state=RUNNING, ownership=tag
    )
    assert site.roll_back()["target"] == "off, and could not be removed"
    return site


def look(site: Site) -> dict[str, list[str]]:
    specs = {name: ConnectionSpec(name, "libvirt", name) for name in "ab"}
    return leftovers.look(Wave.model_validate(site.wave), site.name, specs.__getitem__, site.root / "store")


def marks(site: Site) -> list[tuple[str, str]]:
    return [(mark.run, mark.machine) for mark in leftovers.marked(site.root / "store")]


def test_it_is_named_with_its_state_and_taken_away_once_that_is_possible(taken_back: Site) -> None:
    assert look(taken_back) == {
        "web": [
            "machine 'web' is still at the target b, off",
            "machine 'web-drover-trial' is still at the target b, running",
        ]
    }
    assert marks(taken_back) == [("run-1", "web")]
    taken_back.roll_back()
    assert marks(taken_back) == [("run-1", "web")]

    taken_back.target.stuck = False  # type: ignore[attr-defined]
    taken_back.roll_back()

    assert (taken_back.target.known, marks(taken_back), look(taken_back)) == ({}, [], {})
    assert taken_back.source.state("web") is RUNNING


def test_what_a_rollback_could_not_see_is_taken_away_later(site: Site) -> None:
    site.run_until("validate")
    site.target.gone = True
    site.roll_back()
    (said,) = look(site)["web"]
    assert said.startswith("what was made at the target b may still be there: The host b does not answer.")
    site.target.gone = False
    site.roll_back()
    assert (site.target.known, marks(site)) == ({}, [])


def test_only_what_the_look_found_is_marked_where_nobody_had_written_it_down(site: Site) -> None:
    for stage in STAGES:
        site.run(stage)
    assert (look(site), marks(site)) == ({}, [])
    site.target.gone = True
    assert look(site) == {}, "all was removed as far as is known"
    site.target.gone = False
    stand_in(site)

    assert look(site) == {"web": ["machine 'web-drover-restored' is still at the target b, off"]}

    assert marks(site) == [("run-1", "web")]
    site.roll_back()
    assert (list(site.target.known), marks(site)) == (["web"], [])
    assert site.target.state("web") is RUNNING


def stand_in(site: Site) -> None:
    from drover.migration import restore_test

    with site.move() as move:
        owner = restore_test.owner_of(move)
    made = site.target.known["web"]
    site.target.known[owner.machine] = replace(
        made, name=owner.machine, uuid=owner.source_uuid, disks=(), state=OFF, ownership=owner
    )


def by_another_run(site: Site) -> None:
    """The next run of the wave went on with what this one made."""
    tag = site.target.known["web"].ownership
    assert tag is not None
    site.target.change("web", ownership=replace(tag, run="run-2"))


def by_a_stranger(site: Site) -> None:
    site.target.change("web", ownership=None)


@pytest.mark.parametrize("taken", [by_another_run, by_a_stranger])
def test_what_is_another_ones_by_now_is_left_alone(
    site: Site, taken: Callable[[Site], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run_until("validate")
    site.target.break_at("remove", AWAY)
    site.roll_back()
    assert marks(site) == [("run-1", "web")]
    taken(site)
    before = site.target.known["web"]

    with monkeypatch.context() as held:
        held.setattr(claims, "holder", lambda _move: Claim("unit", "run-2", "web", "x"))
        site.roll_back()
    assert marks(site) == [("run-1", "web")], "while it is on its way nobody looks"
    site.roll_back()

    assert site.target.known == {"web": before}
    assert all(Path(disk.path).exists() for disk in before.disks)
    assert marks(site) == []
