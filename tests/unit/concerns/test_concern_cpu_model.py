import pytest
from factory import WARNING, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import cpu_model as concern
from drover.model import Cpu

NAMED = machine(cpu=Cpu(2, mode="custom", model="EPYC"))
OTHER = host(cpu_model="Xeon")


def test_the_same_cpu_or_an_emulated_model_or_a_cold_move_is_no_concern():
    assert categories(concern, preflight(NAMED, live=True)) == []
    assert categories(concern, preflight(machine(cpu=Cpu(2, model="qemu64")), live=True, target=OTHER)) == []
    assert categories(concern, preflight(NAMED, target=OTHER)) == []


def test_another_cpu_is_a_warning():
    assert categories(concern, preflight(NAMED, live=True, target=OTHER)) == [WARNING]
    assert categories(concern, preflight(machine(cpu=Cpu(2, mode="host-model")), live=True, target=OTHER)) == [WARNING]


@pytest.mark.parametrize("end", ["target", "source_host"])
def test_a_cpu_that_nobody_knows_blocks(end):
    assert is_unknown(ask(concern, preflight(NAMED, live=True, **{end: host(cpu_model=None)})))
    assert categories(concern, preflight(NAMED, **{end: host(cpu_model=None)})) == []


def test_a_mode_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(machine(cpu=Cpu(2, mode="novel")), live=True)))
