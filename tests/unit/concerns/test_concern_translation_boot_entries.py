from factory import WARNING, categories, machine, preflight

from drover.concerns import translation_boot_entries as concern
from drover.model import Firmware

UEFI = machine(firmware=Firmware.UEFI)


def test_the_same_kind_takes_the_entries_along():
    assert categories(concern, preflight(UEFI)) == []


def test_bios_has_none():
    assert categories(concern, preflight(machine(hypervisor="vsphere"))) == []


def test_another_kind_loses_them():
    assert categories(concern, preflight(machine(firmware=Firmware.UEFI, hypervisor="vsphere"))) == [WARNING]
