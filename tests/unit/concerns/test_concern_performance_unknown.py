from dataclasses import replace

from factory import ask, categories, is_unknown, machine, preflight

from drover.concerns import performance_unknown as concern
from drover.concerns.preflight import Preflight
from drover.hypervisors.counters import ALL
from drover.model import Category, PowerState

ASKED = {"performance": {"baseline": "5 min"}}


def measured(p: Preflight, source: bool | frozenset[str], target: bool | frozenset[str]) -> Preflight:
    return replace(
        p,
        source_facts=replace(p.source_facts, measures=_figures(source)),
        target_facts=replace(p.target_facts, measures=_figures(target)),
    )


def _figures(given: bool | frozenset[str]) -> frozenset[str]:
    return given if isinstance(given, frozenset) else ALL if given else frozenset()


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


def test_what_one_of_them_does_not_tell_is_said_and_blocks_nothing():
    (found,) = ask(concern, measured(preflight(**ASKED), True, ALL - {"read_latency", "write_latency"}))
    assert found.category is Category.INFORMATION
    assert "do not count alike: time of a read, time of a write." in found.assessment


def test_kinds_that_count_memory_in_their_own_ways_are_not_compared_in_it():
    p = measured(preflight(**ASKED), True, True)
    there = replace(p.target_facts, host=replace(p.target_facts.host, hypervisor="vsphere"))
    (found,) = ask(concern, replace(p, target_facts=there))
    assert "libvirt and vsphere do not both tell, or do not count alike: memory." in found.assessment
