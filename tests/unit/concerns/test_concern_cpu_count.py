from factory import WARNING, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import cpu_count as concern
from drover.model import Cpu


def test_as_many_as_the_target_has_are_no_concern():
    assert categories(concern, preflight(machine(cpu=Cpu(8)))) == []


def test_more_are_a_warning():
    assert categories(concern, preflight(machine(cpu=Cpu(9)))) == [WARNING]


def test_a_host_that_does_not_tell_blocks():
    assert is_unknown(ask(concern, preflight(target=host(cpus=0))))
