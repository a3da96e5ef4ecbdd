import dataclasses

from factory import MACHINE, WARNING, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import cpu_capacity as concern
from drover.model import Cpu, PowerState


def test_four_to_a_real_one_are_no_concern():
    assert categories(concern, preflight(machine(cpu=Cpu(count=8)), target=host(cpus=2))) == []


def test_more_are_told():
    (found,) = ask(concern, preflight(machine(cpu=Cpu(count=9)), target=host(cpus=2)))
    assert found.category is WARNING
    assert "have 9 together" in found.assessment


def test_the_whole_wave_and_what_runs_there_is_counted():
    p = preflight(target=host(cpus=1))
    other = (p.plan.model_copy(update={"name": "db"}), dataclasses.replace(MACHINE, name="db"))
    assert categories(concern, dataclasses.replace(p, companions=(*p.companions, other))) == []
    there = machine(name="x", cpu=Cpu(count=1))
    assert categories(concern, dataclasses.replace(p, companions=(*p.companions, other))) == []
    both = dataclasses.replace(
        preflight(target=host(cpus=1), target_machines=(there,)), companions=(*p.companions, other)
    )
    assert categories(concern, both) == [WARNING]
    off = dataclasses.replace(there, state=PowerState.OFF)
    assert categories(concern, preflight(target=host(cpus=1), target_machines=(off,))) == []


def test_a_machine_that_does_not_tell_blocks():
    assert categories(concern, preflight(target=host(cpus=0))) == [], "told by cpu.count"
    assert is_unknown(ask(concern, preflight(machine(cpu=Cpu(count=0)))))
