"""SIGKILL in the middle of a stage on real hosts: the next try goes on, and nothing of the killed one is left."""

from collections.abc import Callable

import pytest
from lab_moves import MIB, LabMove

pytestmark = pytest.mark.lab


def test_every_stage_goes_on_after_it_was_killed(moving: Callable[..., LabMove]) -> None:
    move = moving()
    move.run("inventory", "preflight")

    move.limit(4 * MIB)
    move.kill_when("backup", move.backed_up)
    move.limit(None)
    assert move.runs_at("kvm-a"), "the source runs on while it is backed up"
    move.run("backup")
    assert move.leftovers() == []

    move.run("transfer")
    move.limit(4 * MIB)
    move.kill_when("validate", lambda: move.served("kvm-b"))
    move.limit(None)
    move.run("validate")
    assert move.leftovers() == []

    move.kill_when("trial", move.on_trial)
    assert move.run("trial")["network"] == "isolated"
    assert move.leftovers() == []

    # It has started the source, and does not know yet whether that answers.
    move.kill_when("rollback", lambda: move.runs_at("kvm-a"))
    facts = move.run("rollback")
    assert (facts["source"], facts["target"]) == ("running", "removed")
    assert move.leftovers() == []
    assert move.one_at_most()
    assert move.lab.states()["kvm-b"].get("web") is None
    assert (move.lab.health("web") or {})["status"] == "ok"
