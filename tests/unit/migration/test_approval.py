"""A person's yes before the cutover: what counts, what does not, and what they are told."""

from datetime import UTC, datetime

import pytest
from outcomes import OFF, RUNNING, taken_back

from conftest import Site
from drover.errors import OperatorNeededError
from drover.migration import approval
from drover.migration.approval import Answer, Choice
from drover.migration.question import Question, plain, question

AT = datetime(2026, 11, 23, 22, 15, tzinfo=UTC)


@pytest.fixture
def asked(site: Site) -> Site:
    """All before the cutover has passed, in a wave that asks."""
    site.wave["approval"] = {"approvers": ["alice"], "deadline": "2 h"}
    site.run_until("cutover")
    return site


def answer(site: Site, choice: Choice, by: str | None = "alice") -> object:
    with site.move() as move:
        return approval.answered(move, Answer(choice, by, AT))


def ask(site: Site) -> Question:
    with site.move() as move:
        return question(move)


def given(site: Site) -> object:
    with site.move() as move:
        return approval.given(move)


def test_no_cutover_without_an_approval_where_the_wave_asks_for_one(asked: Site) -> None:
    with pytest.raises(OperatorNeededError, match="stage 'approval' has not passed"):
        asked.run("cutover")

    assert (asked.source.state("web"), asked.target.state("web")) == (OFF, OFF)


def test_an_approval_lets_the_target_take_over_and_says_whose_it_was(asked: Site) -> None:
    answer(asked, Choice.APPROVE)
    asked.run("cutover")

    assert asked.target.state("web") is RUNNING
    with asked.move() as move:
        record = move.store.last("approval", "passed")
    assert record is not None
    assert record.facts["by"] == "alice"
    assert record.facts["words"] == "alice answered on 2026-11-23 22:15:00 UTC: approve"


def test_to_postpone_keeps_the_question_open_and_is_no_yes(asked: Site) -> None:
    assert answer(asked, Choice.POSTPONE) is None
    assert given(asked) is None
    with pytest.raises(OperatorNeededError, match="stage 'approval' has not passed"):
        asked.run("cutover")


def test_to_roll_back_is_a_failure_that_names_who_wanted_it(asked: Site) -> None:
    with pytest.raises(OperatorNeededError, match=r"does not take over .* alice answered on .*: roll back"):
        answer(asked, Choice.ROLL_BACK)
    with pytest.raises(OperatorNeededError, match="stage 'approval' has not passed"):
        asked.run("cutover")

    asked.roll_back()

    assert taken_back(asked)


def test_the_default_is_recorded_as_nobodys_answer(asked: Site) -> None:
    with pytest.raises(OperatorNeededError, match="Nobody had answered until the deadline"):
        answer(asked, Choice.ROLL_BACK, by=None)

    with asked.move() as move:
        kept = move.store.last("approval", "info")
    assert kept is not None
    assert (kept.facts["answer"], kept.facts["by"]) == ("roll back", None)


def test_a_yes_counts_until_something_before_it_is_done_again(asked: Site) -> None:
    assert given(asked) is None
    answer(asked, Choice.APPROVE)
    assert given(asked) is not None

    asked.run("test")

    assert given(asked) is None
    with pytest.raises(OperatorNeededError, match="stage 'approval' looked at was changed after it"):
        asked.run("cutover")


def test_nothing_is_asked_before_all_that_it_rests_on_has_passed(site: Site) -> None:
    site.wave["approval"] = {}
    site.run_until("test")

    with pytest.raises(OperatorNeededError, match="stage 'test' has not passed"):
        given(site)


def test_a_machine_may_have_an_approval_of_its_own(asked: Site) -> None:
    asked.wave["machines"][0]["approval"] = {"deadline": "30 min", "default": "postpone"}

    assert ask(asked).plan.approvers == ()
    assert "within 30 min: **postpone**" in ask(asked).body


def test_the_question_says_what_was_proven_and_what_waiting_costs(asked: Site) -> None:
    told = ask(asked)

    assert told.subject == "Cutover of machine web (wave unit)"
    assert "The machine is off since 20" in told.body.replace("\\", "")
    assert "Every minute until an answer is downtime" in told.body
    assert "every block of every disk" in told.body
    assert "| Validation |" in told.body
    assert "transfer" in told.body
    assert "within 2 h 00 min: **roll back**" in told.body


def test_a_machine_that_runs_at_the_target_already_costs_nothing_to_wait_for(site: Site) -> None:
    site.wave["approval"] = {}
    site.wave["machines"][0] |= {"strategy": "live", "compare_at_switchover": True}
    site.run_until("cutover")

    assert "runs at the target already" in ask(site).body


@pytest.mark.parametrize("name", ["a|b", "**x**", "<img src=x>", "[a](http://b)", "{{ 7 }}", "`x`", "a\nb"])
def test_a_name_is_shown_and_never_obeyed(name: str) -> None:
    shown = plain(name)

    assert "\n" not in shown
    for mark in "|*<>[]{}`":
        assert shown.count(mark) == shown.count(f"\\{mark}")
