"""A machine that was only switched on and off again has proven nothing, and nobody reads that it has."""

import pytest

from conftest import Site
from drover.migration import question, restore_test

COMMAND = {"command": {"run": ["true"], "connection": "b"}}


@pytest.mark.parametrize("checks", [[], [COMMAND]])
def test_a_trial_that_asked_nothing_says_so(site: Site, checks: list[object]) -> None:
    site.wave["machines"][0] |= {"checks": checks, "approval": {"approvers": ["ann"]}}
    site.run_until("test")
    facts = site.run("test")
    assert facts["checks"] == 0
    assert "on the network isolated, it was started, but the wave names no check that can be asked" in facts["skipped"]
    with site.move() as move:
        told = question.question(move)
    assert "nobody knows whether it works" in told.body


def test_a_backup_that_was_only_booted_is_not_called_checked(site: Site) -> None:
    site.wave["machines"][0] |= {"checks": []}
    site.wave["backup"] |= {"restore_test": "all"}
    site.run_until("transfer")
    with site.move() as move:
        facts = restore_test.run(move)
    assert facts["checks"] == 0
    assert "nobody knows whether it works" in facts["skipped"]
