"""Somebody clears a task of a run that is over, or in the middle of one: Airflow runs it again, and it does no harm."""

import dataclasses
from pathlib import Path

import pytest
from fake_host import Killed
from outcomes import OFF, RUNNING

from conftest import STAGES, Site
from drover.errors import OperatorNeededError
from drover.migration import claims, transfer
from drover.migration.disks import copy_disks


@pytest.fixture
def moved(site: Site) -> Site:
    """A run that moved the machine for good."""
    for stage in STAGES:
        site.run(stage)
    return site


def test_a_transfer_of_a_run_that_is_over_does_not_shut_down_a_machine_that_came_home(moved: Site) -> None:
    """Another wave brought it back to where this run had found it."""
    moved.target.change("web", state=OFF)
    moved.source.change("web", state=RUNNING, autostart=True)
    moved.source.calls.clear()

    with pytest.raises(OperatorNeededError, match="was committed in run run-1 already"):
        moved.run("transfer")

    assert moved.source.known["web"].autostart
    assert moved.source.state("web") is RUNNING
    assert "shut_down" not in moved.source.calls


@pytest.mark.parametrize("stage", ["cutover", "commit"])
def test_a_run_that_is_over_touches_no_machine_that_another_wave_is_moving(moved: Site, stage: str) -> None:
    """Its target is off by now because it is a source: it may run at the third place already."""
    later = dataclasses.replace(moved, wave=moved.wave | {"wave": "onward"}, name="run-2")
    moved.target.change("web", state=OFF)
    with moved.move() as first, later.move() as second:
        second.remember(first.machine)
        claims.claim(second)
    moved.target.calls.clear()

    with pytest.raises(OperatorNeededError, match="is being moved by wave 'onward' in run run-2"):
        moved.run(stage)

    assert moved.target.state("web") is OFF
    assert not {"power_on", "tag", "set_autostart"} & set(moved.target.calls)


def test_a_cutover_of_a_run_that_is_over_starts_nothing(moved: Site) -> None:
    """Its administrator has shut it down there since."""
    moved.target.change("web", state=OFF)
    before = moved.target.known["web"]

    with pytest.raises(OperatorNeededError, match="was committed in run run-1 already"):
        moved.run("cutover")

    assert moved.target.known["web"] == before


def test_what_replaced_the_target_is_not_made_final(site: Site) -> None:
    """Somebody removed the target after the cutover and made another machine of its name."""
    site.run_until("commit")
    site.target.change("web", uuid="99999999-0000-4000-8000-000000000001", ownership=None)
    before = site.target.known["web"]

    with pytest.raises(OperatorNeededError, match="at the target was not made by this wave"):
        site.run("commit")

    assert site.target.known["web"] == before


def test_a_commit_may_be_run_again(moved: Site) -> None:
    assert moved.run("commit")["checks_passed"] > 0


def test_no_cutover_after_a_transfer_that_was_begun_anew_and_killed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person was asked for the approval when somebody cleared the transfer, whose worker died in the middle."""
    site.run_until("cutover")

    def killed(*ends: object, **how: object) -> None:
        with open(site.target.known["web"].disks[0].path, "r+b") as image:
            image.write(b"half of a chunk")
        raise Killed

    monkeypatch.setattr(transfer, "copy_disks", killed)
    with pytest.raises(Killed):
        site.run("transfer")
    monkeypatch.setattr(transfer, "copy_disks", copy_disks)

    with pytest.raises(OperatorNeededError, match="its stage 'transfer' was begun again and has not ended"):
        site.run("cutover")

    assert site.target.state("web") is OFF
    for stage in list(STAGES)[list(STAGES).index("transfer") :]:
        site.run(stage)
    disks = zip(site.source.known["web"].disks, site.target.known["web"].disks, strict=True)
    assert all(Path(here.path).read_bytes() == Path(there.path).read_bytes() for here, there in disks)
