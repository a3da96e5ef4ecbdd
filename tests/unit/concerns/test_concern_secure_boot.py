from factory import CRITICAL, categories, machine, preflight

from drover.concerns import secure_boot as concern


def test_without_it_there_is_no_concern():
    assert categories(concern, preflight()) == []


def test_with_it_a_person_must_look():
    assert categories(concern, preflight(machine(secure_boot=True))) == [CRITICAL]
