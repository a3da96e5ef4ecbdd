import pytest
from factory import CRITICAL, categories, host, machine, preflight

from drover.concerns import device_other
from drover.concerns import disk_nonpersistent as concern

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


def test_between_libvirt_hosts_the_definition_keeps_it():
    assert categories(concern, preflight(machine(devices=tuple(f"{kind} of a name" for kind in concern.KINDS)))) == []
