import pytest
from factory import CRITICAL, WARNING, ask, categories, host, is_unknown, machine, preflight

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


@pytest.mark.parametrize("live", [True, False])
def test_what_the_target_lacks_blocks_a_cold_move_too(live):
    (found,) = ask(concern, preflight(NAMED, live=live, translated=machine(devices=("cpu-missing avx512f, svm",))))
    assert found.category is CRITICAL
    assert "it lacks avx512f, svm." in found.assessment


def test_a_comparison_that_nobody_made_blocks():
    p = preflight(NAMED, translated=machine(devices=("cpu-not-compared Unknown CPU model",)))
    assert is_unknown(ask(concern, p))


def test_features_that_were_asked_for_are_told_where_they_cannot_be():
    asking = machine(cpu=Cpu(2, mode="host-model", features=("avx512f", "-mpx")))
    (found,) = ask(concern, preflight(asking, target=host(hypervisor="vsphere")))
    assert found.category is WARNING
    assert "the CPU features avx512f;" in found.assessment
    assert categories(concern, preflight(asking)) == []
    refusing = machine(cpu=Cpu(2, features=("-mpx",)))
    assert categories(concern, preflight(refusing, target=host(hypervisor="vsphere"))) == []


def test_a_mode_that_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(machine(cpu=Cpu(2, mode="novel")), live=True)))
