"""A person's yes before the cutover: what counts, what does not, and what they are told."""

from datetime import UTC, datetime, timedelta

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


def answer(site: Site, choice: Choice, by: str | None = "alice", at: datetime = AT) -> object:
    with site.move() as move:
        return approval.answered(move, Answer(choice, by and by.title(), at, by))


def wait(site: Site) -> float:
    """Puts the question; for how many seconds an answer is waited for."""
    with site.move() as move:
        return approval.ask(move)


def kept(site: Site) -> str:
    with site.move() as move:
        return str(move.store.records()[-1].facts)


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
    assert record.facts["by"] == "Alice"
    assert record.facts["words"] == "Alice answered on 2026-11-23 22:15:00 UTC: approve"


def test_to_postpone_keeps_the_question_open_and_is_no_yes(asked: Site) -> None:
    assert answer(asked, Choice.POSTPONE) is None
    assert given(asked) is None
    with pytest.raises(OperatorNeededError, match="stage 'approval' has not passed"):
        asked.run("cutover")


def test_to_roll_back_is_a_failure_that_names_who_wanted_it(asked: Site) -> None:
    with pytest.raises(OperatorNeededError, match=r"does not take over .* Alice answered on .*: roll back"):
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


def test_an_answer_of_somebody_who_was_not_asked_does_not_count(asked: Site) -> None:
    wait(asked)
    for choice in Choice:
        assert answer(asked, choice, by="mallory") is None
    assert given(asked) is None
    assert "Mallory answered" in kept(asked)
    assert "That does not count: alice is asked" in kept(asked)
    with pytest.raises(OperatorNeededError, match="stage 'approval' has not passed"):
        asked.run("cutover")

    answer(asked, Choice.APPROVE)
    assert given(asked) is not None


def test_where_nobody_is_named_whoever_may_answer_counts(asked: Site) -> None:
    asked.wave["approval"] = {}
    answer(asked, Choice.APPROVE, by="bob")
    asked.run("cutover")


def test_nobodys_yes_is_no_yes(asked: Site) -> None:
    with pytest.raises(OperatorNeededError, match="nobody said yes"):
        answer(asked, Choice.APPROVE, by=None)
    with pytest.raises(OperatorNeededError, match="stage 'approval' has not passed"):
        asked.run("cutover")


def test_a_word_to_roll_back_stands_though_the_worker_was_killed_before_it_failed(asked: Site) -> None:
    with pytest.raises(OperatorNeededError):
        answer(asked, Choice.ROLL_BACK)
    with pytest.raises(OperatorNeededError, match="Alice answered on .*: roll back"):
        given(asked)

    asked.roll_back()
    asked.run_until("cutover")
    assert given(asked) is None


def test_who_is_asked_again_has_no_more_time_than_before(asked: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait(asked) == pytest.approx(7200, abs=600)
    now = approval.time.time()
    monkeypatch.setattr(approval.time, "time", lambda: now + 5400)
    assert wait(asked) == pytest.approx(1800, abs=600)
    answer(asked, Choice.ROLL_BACK, by="mallory")
    assert wait(asked) == pytest.approx(1800, abs=600)
    # What was lost with its worker can be given again, also after the deadline.
    monkeypatch.setattr(approval.time, "time", lambda: now + 9000)
    assert wait(asked) == 60

    answer(asked, Choice.POSTPONE)
    assert wait(asked) == pytest.approx(7200, abs=600)


def test_a_deadline_that_nobody_looked_at_in_time_is_told_as_it_was(asked: Site) -> None:
    """The scheduler was down: the default is taken later than it should have been, and an answer may be, too."""
    wait(asked)
    until = datetime.now(UTC) + timedelta(hours=2)
    later = until + timedelta(hours=3)
    with pytest.raises(
        OperatorNeededError,
        match=f"until the deadline, {until:%Y-%m-%d}.*, so the default was taken on {later:%Y-%m-%d %H}.*: roll back",
    ):
        answer(asked, Choice.ROLL_BACK, by=None, at=later)
    asked.run("test")
    wait(asked)
    answer(asked, Choice.APPROVE, at=later)
    assert "after the deadline, when no default was taken yet" in kept(asked)


def test_where_the_wave_asks_for_none_nobody_is_asked_and_nothing_is_recorded(asked: Site) -> None:
    del asked.wave["approval"]
    before = kept(asked)
    assert "nobody is asked" in str(given(asked))
    assert kept(asked) == before
    asked.run("cutover")


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
