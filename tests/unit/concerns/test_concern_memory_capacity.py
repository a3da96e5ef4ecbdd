import dataclasses

from factory import CRITICAL, GIB, MACHINE, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import memory_capacity as concern
from drover.model import PowerState


def with_companions(count: int, **changes):
    p = preflight(**changes)
    more = (
        (p.plan.model_copy(update={"name": f"m{n}"}), dataclasses.replace(MACHINE, name=f"m{n}")) for n in range(count)
    )
    return dataclasses.replace(p, companions=(*p.companions, *more))


def test_what_the_host_can_hold_is_no_concern():
    assert categories(concern, with_companions(3, target=host(memory=4 * GIB))) == []


def test_a_wave_larger_than_the_whole_host_blocks():
    (found,) = ask(concern, with_companions(4, target=host(memory=4 * GIB)))
    assert found.category is CRITICAL
    assert "take 5.0 GiB" in found.assessment
    assert "The first 4 of 5 machines would fit" in found.assessment


def test_what_runs_there_is_counted_and_what_is_off_is_not():
    there = machine(name="other", memory=4 * GIB)
    assert categories(concern, preflight(target=host(memory=4 * GIB), target_machines=(there,))) == [CRITICAL]
    off = dataclasses.replace(there, state=PowerState.OFF)
    assert categories(concern, preflight(target=host(memory=4 * GIB), target_machines=(off,))) == []


def test_a_machine_that_has_arrived_is_not_counted_twice():
    assert categories(concern, preflight(target=host(memory=GIB), target_machines=(machine(),))) == []


def test_a_machine_that_does_not_tell_blocks():
    assert categories(concern, preflight(target=host(memory=0))) == [], "told by host.memory"
    assert categories(concern, preflight(machine(memory=0))) == [], "told by host.memory"
    assert is_unknown(ask(concern, preflight(target_machines=(machine(name="x", memory=-1),))))
