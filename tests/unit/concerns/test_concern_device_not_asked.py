from factory import CRITICAL, ask, categories, machine, preflight

from drover.concerns import device_not_asked as concern


def test_every_machine_of_a_hyperv_host_is_to_be_looked_at():
    (found,) = ask(concern, preflight(machine(hypervisor="hyperv")))
    assert found.category is CRITICAL
    assert "Fibre Channel" in found.assessment


def test_other_hypervisors_tell_all_devices():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(machine(hypervisor="vsphere"))) == []


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
