from factory import CRITICAL, ask, categories, machine, preflight

from drover.concerns import machine_ambiguous as concern


def test_one_machine_of_a_name_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(source_machines=(machine(), machine(name="other")))) == []


def test_two_are_told_with_what_tells_them_apart():
    both = (machine(id="vm-7", host="esx-1"), machine(id="vm-9", host="esx-2"))
    found = ask(concern, preflight(source_machines=both))
    assert [one.category for one in found] == [CRITICAL]
    assert "vm-7 on esx-1 and vm-9 on esx-2" in found[0].assessment


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
