import pytest
from factory import CRITICAL, WARNING, categories, host, machine, preflight

from drover.concerns import device_other
from drover.concerns import device_ports as concern

ELSEWHERE = host(hypervisor="hyperv")


def test_a_machine_without_one_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(machine(devices=("vsock",)))) == []


@pytest.mark.parametrize("kind", sorted(concern.KINDS))
def test_one_is_found_and_told_by_its_name(kind):
    p = preflight(machine(devices=("vsock", f"{kind} of a name")), target=ELSEWHERE)
    assert categories(concern, p) == [CRITICAL]
    assert f"{kind} of a name" in next(iter(concern.check(p))).assessment
    assert [one.assessment.count(kind) for one in device_other.check(p)] == [0]


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []


@pytest.mark.parametrize(("device", "category"), [("serial tcp", WARNING), ("serial dev", CRITICAL)])
def test_between_libvirt_hosts_only_a_device_of_the_host_is_missing(device, category):
    assert categories(concern, preflight(machine(devices=(device,)))) == [category]
    assert categories(concern, preflight(machine(devices=(device,)), target=ELSEWHERE)) == [CRITICAL]
