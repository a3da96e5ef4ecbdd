from factory import WARNING, categories, preflight

from drover.concerns import checks_none as concern


def test_a_machine_with_a_check_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_machine_without_one_is_a_warning():
    assert categories(concern, preflight(plan={"checks": []})) == [WARNING]
