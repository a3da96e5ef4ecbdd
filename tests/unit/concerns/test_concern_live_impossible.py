import pytest
from factory import CRITICAL, categories, machine, preflight

from drover.concerns import live_impossible as concern

COMPARED = {"compare_at_switchover": True}


@pytest.mark.parametrize("takes_along", [True, False])
def test_a_live_move_that_the_platform_has_is_no_concern(takes_along):
    assert categories(concern, preflight(live=True, takes_along=takes_along)) == []
    assert categories(concern, preflight(live=True, plan=COMPARED)) == []
    assert categories(concern, preflight(None, live=True, takes_along=None)) == []


def test_a_cold_move_needs_none():
    assert categories(concern, preflight(machine(hypervisor="vsphere"), takes_along=None)) == []


def test_a_live_move_to_another_kind_blocks():
    assert categories(concern, preflight(machine(hypervisor="vsphere"), live=True)) == [CRITICAL]


def test_a_platform_that_has_no_live_move_or_does_not_say_so_blocks():
    assert categories(concern, preflight(live=True, takes_along=None)) == [CRITICAL]


def test_a_comparison_where_the_platform_takes_the_machine_along_blocks():
    assert categories(concern, preflight(live=True, takes_along=True, plan=COMPARED)) == [CRITICAL]
