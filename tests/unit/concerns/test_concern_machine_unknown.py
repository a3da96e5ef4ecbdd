from factory import CRITICAL, ask, categories, machine, preflight

from drover.concerns import machine_unknown as concern


def test_a_machine_that_is_there_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_machine_that_is_not_there_blocks_and_the_nearest_name_is_offered():
    p = preflight(None, source_machines=(machine(name="webb"),))
    found = ask(concern, p)
    assert [each.category for each in found] == [CRITICAL]
    assert "'webb'" in found[0].assessment


def test_a_host_without_machines_offers_none():
    assert "Did you mean" not in ask(concern, preflight(None))[0].assessment
