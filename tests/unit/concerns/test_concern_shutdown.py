from factory import WARNING, ask, categories, is_unknown, machine, preflight

from drover.concerns import shutdown as concern
from drover.model import PowerState

DEAF = machine(native="<domain><features/></domain>")


def test_a_machine_with_acpi_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_machine_without_acpi_is_a_warning_where_it_must_be_shut_down():
    assert categories(concern, preflight(DEAF)) == [WARNING]
    assert categories(concern, preflight(machine(native="<domain/>"))) == [WARNING]
    assert categories(concern, preflight(DEAF, live=True)) == []
    assert categories(concern, preflight(machine(native=DEAF.native, state=PowerState.OFF))) == []


def test_a_definition_that_cannot_be_read_blocks():
    assert is_unknown(ask(concern, preflight(machine(native=""))))
    assert is_unknown(ask(concern, preflight(machine(native="<domain"))))
