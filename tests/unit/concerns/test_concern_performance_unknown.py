from dataclasses import replace

from factory import ask, categories, is_unknown, machine, preflight

from drover.concerns import performance_unknown as concern
from drover.concerns.preflight import Preflight
from drover.model import PowerState

ASKED = {"performance": {"baseline": "5 min"}}


def measured(p: Preflight, source: bool, target: bool) -> Preflight:
    return replace(
        p,
        source_facts=replace(p.source_facts, measures=source),
        target_facts=replace(p.target_facts, measures=target),
    )


def test_a_wave_that_compares_nothing_may_stay_in_the_dark():
    assert categories(concern, measured(preflight(), False, False)) == []


def test_hypervisors_that_tell_are_no_concern():
    assert categories(concern, measured(preflight(**ASKED), True, True)) == []


def test_one_that_does_not_tell_blocks_and_is_never_waived():
    found = ask(concern, measured(preflight(**ASKED), True, False))
    assert is_unknown(found)
    assert "at the target" in found[0].assessment


def test_a_machine_that_is_off_has_nothing_to_compare():
    off = machine(state=PowerState.OFF)
    assert categories(concern, measured(preflight(off, **ASKED), False, False)) == []
    assert categories(concern, measured(preflight(None, **ASKED), False, False)) == []
