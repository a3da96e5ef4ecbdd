import dataclasses

from factory import (
    CRITICAL,
    GIB,
    MACHINE,
    WARNING,
    ask,
    categories,
    host,
    is_unknown,
    machine,
    owned,
    preflight,
)

from drover.concerns import memory as concern


def test_enough_is_no_concern():
    assert categories(concern, preflight(target=host(memory_free=GIB))) == []


def test_too_little_for_the_machine_blocks():
    assert categories(concern, preflight(target=host(memory_free=GIB - 1))) == [CRITICAL]


def test_too_little_for_the_wave_is_a_warning():
    p = preflight(target=host(memory_free=GIB))
    companions = (*p.companions, (p.plan.model_copy(update={"name": "db"}), MACHINE))
    assert categories(concern, dataclasses.replace(p, companions=companions)) == [WARNING]


def test_a_machine_that_runs_there_already_is_not_counted_again():
    there = (machine(ownership=owned()),)
    assert categories(concern, preflight(target=host(memory_free=0), target_machines=there)) == []


def test_a_host_or_machine_that_does_not_tell_blocks():
    assert is_unknown(ask(concern, preflight(target=host(memory_free=-1))))
    assert is_unknown(ask(concern, preflight(target=host(memory=0))))
    assert is_unknown(ask(concern, preflight(machine(memory=0))))
