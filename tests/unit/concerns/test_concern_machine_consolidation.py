from factory import CRITICAL, categories, machine, preflight

from drover.concerns import machine_consolidation as concern


def test_disks_in_one_piece_are_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_disks_that_need_it_block():
    assert categories(concern, preflight(machine(consolidation_needed=True))) == [CRITICAL]
