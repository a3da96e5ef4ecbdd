import pytest
from factory import CRITICAL, ask, categories, is_unknown, machine, owned, preflight

from drover.concerns import machine_left_behind as concern


def test_a_machine_without_a_tag_is_no_concern():
    assert categories(concern, preflight()) == []


@pytest.mark.parametrize("role", ["committed", "returned"])
def test_a_machine_that_arrived_or_came_back_may_move_on(role):
    assert categories(concern, preflight(machine(ownership=owned(role)))) == []


@pytest.mark.parametrize("role", ["migrated", "kept", "target"])
def test_what_a_move_left_behind_blocks(role):
    assert categories(concern, preflight(machine(ownership=owned(role)))) == [CRITICAL]


def test_a_role_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(machine(ownership=owned("novel")))))
