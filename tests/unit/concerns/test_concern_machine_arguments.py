import pytest
from factory import CRITICAL, ask, categories, host, machine, preflight

from drover.concerns import machine_arguments as concern

GIVEN = machine(devices=("hypervisor-arguments commandline", "vsock"))


def test_a_machine_without_any_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


@pytest.mark.parametrize(("target", "word"), [("libvirt", "They go along"), ("vsphere", "They stay behind")])
def test_a_disk_may_hide_in_them_wherever_it_goes(target, word):
    (found,) = ask(concern, preflight(GIVEN, target=host(hypervisor=target)))
    assert found.category is CRITICAL
    assert word in found.assessment
    assert "(commandline)" in found.assessment
