import pytest
from factory import ask, categories, is_unknown, machine, preflight

from drover.concerns import device_other as concern


def test_what_another_concern_judges_is_none_here():
    known = ("hostdev", "tpm", "usb", "cdrom-media", "transient", "unreadable-disk-vda")
    assert categories(concern, preflight(machine(devices=known))) == []


@pytest.mark.parametrize("device", ["vsock", "disk-network", "memory-encryption", "something-new"])
def test_what_no_concern_knows_blocks(device):
    assert is_unknown(ask(concern, preflight(machine(devices=(device,)))))
