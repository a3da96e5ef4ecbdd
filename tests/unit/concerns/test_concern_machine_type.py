import pytest
from factory import CRITICAL, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import machine_type as concern

OLD = host(machine_types=("pc-q35-6.0",))


def test_a_type_that_the_target_knows_is_no_concern():
    assert categories(concern, preflight(live=True)) == []


@pytest.mark.parametrize("live", [True, False])
def test_one_that_it_does_not_know_blocks(live):
    assert categories(concern, preflight(live=live, target=OLD)) == [CRITICAL]


def test_a_target_that_does_not_tell_blocks():
    assert is_unknown(ask(concern, preflight(live=True, target=host(machine_types=()))))


def test_a_machine_that_names_none_blocks_a_live_move_and_takes_the_default_in_a_cold_one():
    assert is_unknown(ask(concern, preflight(machine(machine_type=None), live=True)))
    assert categories(concern, preflight(machine(machine_type=None))) == []
