from factory import CRITICAL, WARNING, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import cpu_passthrough as concern
from drover.model import Cpu

PASSED = machine(cpu=Cpu(2, mode="host-passthrough"))


def test_a_named_model_or_a_cold_move_is_no_concern():
    assert categories(concern, preflight(live=True)) == []
    assert categories(concern, preflight(PASSED)) == []


def test_another_cpu_blocks_a_live_move():
    assert categories(concern, preflight(PASSED, live=True, target=host(cpu_model="Xeon"))) == [CRITICAL]


def test_the_same_cpu_is_a_warning():
    assert categories(concern, preflight(PASSED, live=True)) == [WARNING]


def test_a_cpu_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(PASSED, live=True, target=host(cpu_model=None))))
