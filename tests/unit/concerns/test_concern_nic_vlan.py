from factory import CRITICAL, INFORMATION, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import device_other
from drover.concerns import nic_vlan as concern

ACCESS = "vlan 00:15:5d:01:02:03 access 12"


def test_an_adapter_without_one_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_it_is_kept_by_its_own_kind_and_lost_at_another():
    assert categories(concern, preflight(machine(devices=(ACCESS,)))) == [INFORMATION]
    p = preflight(machine(hypervisor="hyperv", devices=(ACCESS,)))
    (found,) = ask(concern, p)
    assert found.category is CRITICAL
    assert "access 12" in found.assessment
    assert list(device_other.check(p)) == []


def test_a_trunk_is_kept_by_a_libvirt_machine_s_definition_alone():
    trunk = ("vlan 00:15:5d:01:02:03 trunk 0",)
    windows = host(hypervisor="hyperv")
    assert categories(concern, preflight(machine(hypervisor="hyperv", devices=trunk), target=windows)) == [CRITICAL]
    assert categories(concern, preflight(machine(devices=trunk), target=windows)) == [CRITICAL]
    assert categories(concern, preflight(machine(devices=trunk))) == [INFORMATION]


def test_what_nobody_knows_blocks():
    assert is_unknown(ask(concern, preflight(machine(devices=("vlan",)))))
