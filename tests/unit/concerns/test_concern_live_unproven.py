from factory import INFORMATION, categories, preflight

from drover.concerns import live_unproven as concern


def test_a_cold_move_or_a_comparison_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(live=True, plan={"compare_at_switchover": True})) == []


def test_a_live_move_without_one_is_told():
    assert categories(concern, preflight(live=True)) == [INFORMATION]
