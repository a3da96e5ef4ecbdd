from factory import CRITICAL, ask, categories, host, machine, preflight

from drover.concerns import translation_definition as concern

LABELLED = machine(devices=("definition sysinfo", "definition disk vda wwn", "vsock"))


def test_a_machine_without_such_a_part_is_no_concern():
    assert categories(concern, preflight(target=host(hypervisor="vsphere"))) == []
    assert categories(concern, preflight(None)) == []


def test_between_libvirt_hosts_it_is_kept():
    assert categories(concern, preflight(LABELLED)) == []


def test_each_part_is_told_by_its_name():
    first, second = ask(concern, preflight(LABELLED, target=host(hypervisor="vsphere")))
    assert first.category is CRITICAL
    assert "(sysinfo)" in first.assessment
    assert "(disk vda wwn)" in second.assessment
