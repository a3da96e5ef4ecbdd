"""The last moments of going back and of committing: killed there, the next try finds what is left; and what else must
not keep a source off, or let two run."""

import dataclasses
from typing import Any

import pytest
from outcomes import OFF, RUNNING

from conftest import Site
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.migration import claims, commit, rollback
from drover.migration.intents import Intent, declared

REFUSED = OperatorNeededError("The host key of b changed.", remedy="Compare it.")


class Killed(BaseException):
    """Nothing catches a SIGKILL."""


def killed(*_: Any) -> None:
    raise Killed


def begun(site: Site) -> bool:
    with site.move() as move:
        return declared(move.store, Intent.BEGUN) is not None


def held(site: Site) -> list[str]:
    return [claim.machine for claim in claims.held(site.root / "store")]


def test_a_target_that_refuses_us_and_was_never_started_does_not_keep_the_source_off(site: Site) -> None:
    site.run_until("validate")
    site.target.break_at("find", REFUSED)

    site.roll_back()

    assert site.source.state("web") is RUNNING


def test_where_the_target_may_run_and_refuses_us_it_is_tried_again(site: Site) -> None:
    site.run_until("commit")
    site.target.break_at("find", REFUSED)

    with pytest.raises(RetryableError, match="may run at the target"):
        site.roll_back()

    assert site.source.state("web") is OFF


def test_a_rollback_that_is_killed_once_it_is_recorded_is_finished_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run_until("validate")
    with monkeypatch.context() as patch:
        patch.setattr(rollback, "_forget", killed)
        with pytest.raises(Killed):
            site.roll_back()
    assert held(site) == ["web"]

    site.roll_back()

    assert site.source.state("web") is RUNNING
    assert not held(site)
    assert not begun(site)


def test_a_commit_that_is_killed_once_it_is_recorded_lets_go_of_the_machine(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run_until("commit")
    with monkeypatch.context() as patch:
        patch.setattr(commit.claims, "release", killed)
        with pytest.raises(Killed):
            site.run("commit")
    assert held(site) == ["web"]

    assert "committed" in site.roll_back()["nothing"]

    assert not held(site)
    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)


def test_a_running_target_that_got_another_name_keeps_the_source_off(site: Site) -> None:
    site.run_until("commit")
    site.target.known["shop"] = dataclasses.replace(site.target.known.pop("web"), name="shop")

    with pytest.raises(OperatorNeededError, match="'web' is called 'shop' at the target by now, and is running"):
        site.roll_back()

    assert site.source.state("web") is OFF


def test_a_machine_that_was_off_is_not_cut_over_once_somebody_wrote_to_its_source(site: Site) -> None:
    site.source.change("web", state=OFF)
    site.run_until("cutover")
    with open(site.source.known["web"].disks[0].path, "r+b") as image:
        image.write(b"late")

    with pytest.raises(CorruptionError, match="was written at the source after it had been copied"):
        site.run("cutover")
