"""The application suite over results of checks."""

from pathlib import Path

from drover.guest.result import CheckResult
from drover.quality import application

GOOD = CheckResult("http http://10.0.0.1/health", True, "It answered 200.", 2, 3.0)


def test_passed_checks_pass(tmp_path: Path) -> None:
    assert application.validate([GOOD], tmp_path).passed


def test_a_machine_without_checks_passes(tmp_path: Path) -> None:
    assert application.validate([], tmp_path).passed


def test_one_failed_check_fails_and_says_what_came_back(tmp_path: Path) -> None:
    bad = CheckResult("tcp 10.0.0.1:5432", False, "The connection was refused.", 9, 60.2)

    verdict = application.validate([GOOD, bad], tmp_path)

    assert not verdict.passed
    assert verdict.failures == (
        "The check tcp 10.0.0.1:5432 failed after 9 attempts in 60 s: The connection was refused. "
        "Look at the application's log in the guest.",
    )


def test_a_check_that_was_never_asked_is_no_success(tmp_path: Path) -> None:
    verdict = application.validate([CheckResult("tcp 10.0.0.1:5432", True, "", 0, 0.0)], tmp_path)

    assert not verdict.passed
    assert "was never asked" in verdict.failures[0]
