"""Back at any point, and what an unfinished run keeps others from."""

import dataclasses
import threading

import pytest
from outcomes import OFF, RUNNING, taken_back

from conftest import STAGES, Site
from drover.errors import OperatorNeededError, RetryableError
from drover.model import Ownership, PowerState


def test_rollback_before_anything_was_touched_changes_nothing(site: Site) -> None:
    site.run("inventory")

    site.roll_back()

    assert site.source.calls.count("shut_down") == 0
    assert taken_back(site)


def test_rollback_starts_the_source_though_the_target_host_is_gone(site: Site) -> None:
    site.run_until("validate")
    site.target.gone = True

    site.roll_back()

    assert site.source.state("web") is RUNNING


def test_rollback_keeps_the_source_off_where_the_target_may_run_and_does_not_answer(site: Site) -> None:
    site.run_until("commit")
    site.target.gone = True

    with pytest.raises(RetryableError, match="may run at the target"):
        site.roll_back()

    assert site.source.state("web") is OFF


def test_rollback_after_the_target_ran_keeps_its_disks_off_and_tagged(site: Site) -> None:
    site.run_until("commit")

    site.roll_back()

    target = site.target.known["web"]
    assert (site.source.state("web"), target.state) == (RUNNING, OFF)
    assert target.ownership is not None
    assert target.ownership.role == "kept"


@pytest.mark.parametrize(("given", "has"), [("10 min", 600.0), ("2 s", 60.0)])
def test_a_target_that_goes_back_has_as_long_to_shut_down_as_the_wave_gives_its_guest(
    site: Site, monkeypatch: pytest.MonkeyPatch, given: str, has: float
) -> None:
    site.wave["machines"][0] |= {"shutdown_deadline": given}
    site.run_until("commit")
    asked: list[float] = []
    monkeypatch.setattr(site.target, "shut_down", lambda _, deadline: asked.append(deadline))

    site.roll_back()

    assert asked == [has]


def test_rollback_leaves_a_strangers_machine_alone(site: Site) -> None:
    site.run_until("validate")
    stranger = Ownership("other", "run", "web", "not-ours", "target")
    site.target.change("web", ownership=stranger, uuid="not-ours")

    site.roll_back()

    assert site.target.known["web"].ownership == stranger
    assert site.source.state("web") is RUNNING


def test_after_a_rollback_the_old_backup_counts_no_more(site: Site) -> None:
    site.run_until("validate")
    first = site.run("backup")["folder"]
    site.roll_back()

    with pytest.raises(OperatorNeededError, match="stage 'backup' has not passed"):
        site.run("transfer")

    assert site.run("backup")["folder"] != first


def test_a_run_is_refused_while_an_older_one_was_never_taken_back(site: Site) -> None:
    """The older run's target may be the machine's only good copy by then."""
    site.run_until("commit")
    later = dataclasses.replace(site, name="run-2")

    with pytest.raises(OperatorNeededError, match="neither committed nor rolled back"):
        later.run("inventory")
    calls = (len(site.source.calls), len(site.target.calls))

    assert "changed nothing, because the machine is being moved by wave 'unit'" in later.roll_back()["nothing"]

    assert (len(site.source.calls), len(site.target.calls)) == calls
    assert site.target.state("web") is RUNNING
    assert site.source.state("web") is OFF


def test_an_old_runs_rollback_leaves_a_later_runs_commit_alone(site: Site) -> None:
    site.run_until("validate")
    site.roll_back()
    later = dataclasses.replace(site, name="run-2")
    for stage in STAGES:
        later.run(stage)

    assert "nothing" in site.roll_back()

    assert (site.source.state("web"), site.target.state("web")) == (OFF, RUNNING)


def test_a_target_that_stopped_after_its_start_keeps_its_disks(site: Site) -> None:
    """A full pool pauses a guest: it wrote before that."""
    site.run_until("commit")
    site.target.change("web", state=PowerState.PAUSED)

    with pytest.raises(OperatorNeededError, match="is paused at the target"):
        site.run("commit")
    site.roll_back()

    assert site.target.state("web") is OFF
    assert site.source.state("web") is RUNNING


def test_a_guest_that_shuts_down_after_its_deadline_is_started_again(site: Site) -> None:
    site.wave["machines"][0] |= {"shutdown_deadline": "3 s"}
    site.run_until("transfer")
    site.source.break_at("shut_down", OperatorNeededError("It still runs.", remedy="Wait."))
    with pytest.raises(OperatorNeededError):
        site.run("transfer")
    late = threading.Timer(1.5, lambda: site.source.change("web", state=OFF))
    late.start()

    site.roll_back()

    late.join()
    assert site.source.state("web") is RUNNING
