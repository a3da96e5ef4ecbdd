from factory import CRITICAL, ask, categories, host, is_unknown, machine, preflight

from drover.concerns import firmware as concern
from drover.model import Firmware

UEFI = machine(firmware=Firmware.UEFI)


def test_a_firmware_that_the_target_has_is_no_concern():
    assert categories(concern, preflight(UEFI)) == []


def test_one_that_it_lacks_blocks():
    assert categories(concern, preflight(UEFI, target=host(firmwares=(Firmware.BIOS,)))) == [CRITICAL]


def test_a_target_that_does_not_tell_blocks():
    assert is_unknown(ask(concern, preflight(UEFI, target=host(firmwares=()))))
