from factory import CRITICAL, ask, categories, machine, preflight

from drover.concerns import device_not_asked as concern

KIND = "GPU partitions (Get-VMGpuPartitionAdapter)"


def test_a_kind_of_device_that_the_host_cannot_be_asked_for_blocks():
    (found,) = ask(concern, preflight(machine(hypervisor="hyperv", devices=(f"not-asked {KIND}",))))
    assert found.category is CRITICAL
    assert KIND in found.assessment


def test_a_host_that_was_asked_for_all_is_no_concern():
    assert categories(concern, preflight(machine(hypervisor="hyperv"))) == []
    assert categories(concern, preflight()) == []


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
