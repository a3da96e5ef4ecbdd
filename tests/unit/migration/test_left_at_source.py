"""What a move leaves at its source stands in the evidence, stays off, and is what a decommission names."""

from pathlib import Path
from typing import Any

import pytest
from fake_host import FakeHost
from outcomes import OFF
from test_decommission import RetiringFakeHost, approve, retire, write_to_the_source

from conftest import STAGES, Site, build
from drover.errors import OperatorNeededError, RetryableError


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A live move that left its source."""
    source, target = RetiringFakeHost("a", tmp_path / "a"), FakeHost("b", tmp_path / "b")
    site = build(tmp_path, monkeypatch, source, target)
    site.wave["machines"][0] |= {"strategy": "live"}
    for stage in list(STAGES)[:-1]:
        site.run(stage)
    return site


def left(site: Site) -> Any:
    with site.move() as move:
        commit = move.store.last("commit", "passed")
    assert commit is not None
    return commit.facts["left_at_source"]


def test_a_live_move_notes_its_source_disks_and_a_decommission_sees_who_wrote_to_them(moved: Site) -> None:
    moved.run("commit")
    disks = moved.source.known["web"].disks
    assert [(each["disk"], each["path"]) for each in left(moved)] == [(disk.name, disk.path) for disk in disks]
    assert all(each["version"] for each in left(moved))
    assert (moved.source.state("web"), moved.source.known["web"].autostart) == (OFF, False)
    approve(moved)
    before = moved.snapshot()
    write_to_the_source(moved)
    with pytest.raises(OperatorNeededError, match="disk vda was written at the source since the move"):
        retire(moved)
    assert "web" in moved.source.known
    before.restore()
    assert len(retire(moved)["removed"]) == 2  # type: ignore[arg-type]


def test_a_source_that_cannot_be_read_keeps_no_machine_from_its_commit(moved: Site) -> None:
    moved.source.break_at("read_disks", RetryableError("The host is busy.", remedy="Wait."))
    moved.run("commit")
    assert [each["version"] for each in left(moved)] == ["", ""]


def test_a_platform_that_takes_the_machine_along_leaves_nothing_and_says_so(along: Site) -> None:
    for stage in STAGES:
        along.run(stage)
    assert left(along) == []


def test_a_cold_move_says_what_was_copied(site: Site) -> None:
    for stage in STAGES:
        site.run(stage)
    assert [each["path"] for each in left(site)] == [disk.path for disk in site.source.known["web"].disks]
    assert all(each["version"] for each in left(site))
