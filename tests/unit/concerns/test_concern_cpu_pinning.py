import pytest
from factory import CRITICAL, WARNING, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import cpu_pinning as concern
from drover.concerns import device_other


def tied(*words, **changes):
    return preflight(machine(devices=("vsock", *words)), **changes)


def test_a_machine_that_runs_anywhere_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


@pytest.mark.parametrize("words", ["cpu-pinning 0-7", "numa-nodes 0"])
def test_one_that_fits_is_a_warning(words):
    assert categories(concern, tied(words)) == [WARNING]
    assert words not in " ".join(one.assessment for one in device_other.check(tied(words)))


@pytest.mark.parametrize("words", ["cpu-pinning 0-8", "cpu-pinning 1,12", "numa-nodes 1"])
def test_one_that_is_tied_to_what_is_not_there_blocks(words):
    assert categories(concern, tied(words)) == [CRITICAL]


def test_another_platform_leaves_it_behind():
    other = host(hypervisor="hyperv", cpus=1)
    assert categories(concern, tied("cpu-pinning 0-3", "numa-nodes 5", target=other)) == [WARNING, WARNING]


@pytest.mark.parametrize(
    ("words", "changes"),
    [("cpu-pinning 0", {"cpus": 0}), ("numa-nodes 0", {"numa_nodes": None}), ("cpu-pinning everywhere", {})],
)
def test_what_nobody_knows_blocks(words, changes):
    assert is_unknown(ask(concern, tied(words, target=host(**changes))))
