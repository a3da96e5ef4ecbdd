from factory import WARNING, ask, categories, machine, preflight

from drover.concerns import translation_cpu as concern
from drover.model import Cpu


def test_the_same_cpus_are_no_concern():
    there = machine(cpu=Cpu(count=2, features=("vmx",)))
    assert categories(concern, preflight(translated=there)) == []


def test_another_shape_is_a_warning():
    before, after = machine(cpu=Cpu(count=2, sockets=2)), machine(cpu=Cpu(count=2, sockets=1, cores=2))
    (found,) = ask(concern, preflight(before, translated=after))
    assert found.category is WARNING
    assert "2 sockets, 1 cores, 1 threads; at the target it has 1 sockets, 2 cores, 1 threads" in found.assessment


def test_another_model_is_a_warning_also_where_one_end_names_none():
    (found,) = ask(concern, preflight(translated=machine(cpu=Cpu(count=2, mode="host-model"))))
    assert found.category is WARNING
    assert "'its hypervisor's own'; at the target it sees 'host-model'" in found.assessment
