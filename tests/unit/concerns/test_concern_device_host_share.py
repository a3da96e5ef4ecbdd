import pytest
from factory import CRITICAL, ask, categories, machine, preflight

from drover.concerns import device_host_share as concern


def test_a_machine_without_one_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(machine(devices=("vsock",)))) == []


@pytest.mark.parametrize("device", sorted(concern.KINDS))
def test_one_is_found(device):
    assert categories(concern, preflight(machine(devices=("vsock", device)))) == [CRITICAL]


def test_a_kernel_that_lies_on_the_host_is_named():
    (found,) = ask(concern, preflight(machine(devices=("host-file kernel /boot/vmlinuz",))))
    assert "shares a file with kvm-a (host-file kernel /boot/vmlinuz)" in found.assessment


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
