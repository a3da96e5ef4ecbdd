"""Back from a move in which the platform took the machine along: there is one machine, and it runs."""

import itertools

import pytest
from fake_host import READ, Killed
from outcomes import OFF, RUNNING, moved_along, taken_back

from conftest import STAGES, Site
from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveState
from drover.migration import returning
from drover.model import PowerState


def test_a_move_that_failed_leaves_the_machine_where_it_is(along: Site) -> None:
    along.run_until("transfer")
    along.source.outcome = LiveState.FAILED

    with pytest.raises(RetryableError, match="the test said so"):
        along.run("transfer")
    along.roll_back()

    assert taken_back(along)
    assert "power_on" not in along.source.calls


def test_a_finished_move_is_taken_back_while_the_machine_runs(along: Site) -> None:
    moved_along(along)

    facts = along.roll_back()

    assert facts["target"] == "the machine came back from there while it ran"
    assert taken_back(along)
    calls = along.source.calls + along.target.calls
    assert not {"power_on", "power_off", "shut_down", "remove"} & set(calls)
    tag = along.source.known["web"].ownership
    assert tag is not None
    assert tag.role == "returned"


def test_what_a_killed_validation_left_does_not_keep_it_there(along: Site) -> None:
    moved_along(along)
    along.target.change("web", snapshots=("before the update", READ))

    along.roll_back()

    assert taken_back(along)
    assert along.source.known["web"].snapshots == ("before the update",)


def test_a_committed_move_is_taken_back_on_a_persons_word(along: Site) -> None:
    for stage in STAGES:
        along.run(stage)
    assert "committed" in along.roll_back()["nothing"]

    with along.move() as move:
        returning.begin(move)
    along.roll_back()

    assert taken_back(along)


@pytest.mark.parametrize("state", [OFF, PowerState.PAUSED])
def test_law_2_a_machine_that_does_not_run_there_is_a_persons_decision(along: Site, state: PowerState) -> None:
    moved_along(along)
    along.target.change("web", state=state)

    with pytest.raises(OperatorNeededError, match=r"(?s)does not run.*verified backup lies in"):
        along.roll_back()

    assert "web" not in along.source.known
    assert along.target.state("web") is state
    assert "power_on" not in along.source.calls + along.target.calls


def test_a_target_that_does_not_answer_starts_nothing_here(along: Site) -> None:
    moved_along(along)
    along.target.gone = True

    with pytest.raises(RetryableError, match=r"(?s)does not answer.*verified backup lies in"):
        along.roll_back()

    assert "web" not in along.source.known
    along.target.gone = False
    along.roll_back()
    assert taken_back(along)


def test_a_target_that_does_not_answer_is_no_matter_while_the_machine_runs_here(along: Site) -> None:
    along.run_until("transfer")
    along.source.outcome = LiveState.FAILED
    with pytest.raises(RetryableError):
        along.run("transfer")
    along.target.gone = True

    along.roll_back()

    assert along.source.state("web") is RUNNING


def test_a_machine_that_is_gone_from_both_ends_is_a_persons_decision(along: Site) -> None:
    moved_along(along)
    along.target.known.clear()

    with pytest.raises(OperatorNeededError, match="is at neither end"):
        along.roll_back()


def test_a_machine_at_both_ends_is_a_persons_decision(along: Site) -> None:
    moved_along(along)
    along.source.known["web"] = along.target.known["web"]

    with pytest.raises(OperatorNeededError, match="is running at the source and running at the target"):
        along.roll_back()

    assert "start_live" not in along.target.calls


def test_a_way_back_that_fails_is_tried_again(along: Site) -> None:
    moved_along(along)
    along.target.outcome = LiveState.FAILED

    with pytest.raises(RetryableError, match="did not come back: the test said so"):
        along.roll_back()
    assert along.target.state("web") is RUNNING
    along.target.outcome = LiveState.DONE
    along.roll_back()

    assert taken_back(along)


@pytest.mark.parametrize("stage", ["transfer", "validate", "cutover", "commit", "rollback"])
def test_a_stage_killed_at_any_call_can_be_retried_or_taken_back(along: Site, stage: str) -> None:
    """There is one machine, and it runs, whichever way it goes on."""
    along.run_until("commit" if stage == "rollback" else stage)
    before = along.snapshot()

    for at in itertools.count(1):
        before.restore()
        if not _killed(along, stage, at):
            break
        assert [host.state("web") for host in (along.source, along.target)].count(RUNNING) == 1
        if at % 2 and stage != "rollback":
            for later in list(STAGES)[list(STAGES).index(stage) :]:
                along.run(later)
            assert "web" not in along.source.known
            assert along.target.state("web") is RUNNING
        else:
            along.roll_back()
            # A commit that was killed after its last change may be final.
            assert taken_back(along) or stage == "commit"

    assert at > 3


def _killed(site: Site, stage: str, at: int) -> bool:
    killer = site.source.killer = site.target.killer
    killer.seen, killer.at = 0, at
    try:
        if stage == "rollback":
            site.roll_back()
        else:
            site.run(stage)
    except Killed:
        return True
    finally:
        killer.at = 0
    return False
