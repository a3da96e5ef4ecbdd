from factory import CRITICAL, categories, machine, preflight

from drover.concerns import machine_template as concern


def test_a_machine_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_a_template_blocks():
    assert categories(concern, preflight(machine(template=True))) == [CRITICAL]
