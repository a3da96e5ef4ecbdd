import dataclasses

from factory import CRITICAL, GIB, MACHINE, POOL, WARNING, ask, categories, disk, is_unknown, machine, owned, preflight

from drover.concerns import storage_too_small as concern


def pool(available: int, **changes):
    return (dataclasses.replace(POOL, available=available, **changes),)


def test_enough_space_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(pools=pool(4 * GIB))) == []


def test_less_than_what_the_disks_hold_blocks():
    assert categories(concern, preflight(pools=pool(GIB - 1))) == [CRITICAL]


def test_less_than_what_they_can_grow_to_is_a_warning():
    assert categories(concern, preflight(pools=pool(4 * GIB - 1))) == [WARNING]


def test_the_whole_wave_is_summed():
    p = preflight(pools=pool(2 * GIB))
    companions = (*p.companions, *((p.plan.model_copy(update={"name": f"m{n}"}), MACHINE) for n in range(2)))
    (found,) = ask(concern, dataclasses.replace(p, companions=companions))
    assert found.category is CRITICAL
    assert "The first 2 of 3 machines would fit: those up to 'm0'." in found.assessment


def test_what_an_earlier_try_brought_there_is_taken_off():
    there = machine(ownership=owned(), disks=(disk(allocated=GIB),))
    assert categories(concern, preflight(pools=pool(3 * GIB), target_machines=(there,))) == []
    stranger = machine(name="web", disks=(disk(allocated=GIB),))
    assert categories(concern, preflight(pools=pool(GIB - 1), target_machines=(stranger,))) == [CRITICAL]


def test_a_pool_that_does_not_tell_its_space_blocks():
    assert is_unknown(ask(concern, preflight(pools=pool(-1))))
    assert is_unknown(ask(concern, preflight(pools=pool(GIB, capacity=0))))


def test_other_pools_do_not_matter():
    assert categories(concern, preflight(pools=(POOL, dataclasses.replace(POOL, name="x", available=0)))) == []
