from factory import INFORMATION, categories, machine, preflight

from drover.concerns import device_other
from drover.concerns import secure_boot_template as concern

WORD = "secure-boot-template MicrosoftUEFICertificateAuthority"


def test_without_one_is_no_concern():
    assert categories(concern, preflight()) == []
    assert categories(concern, preflight(None)) == []


def test_another_kind_has_other_keys():
    p = preflight(machine(hypervisor="hyperv", devices=(WORD,)))
    assert categories(concern, p) == [INFORMATION]
    assert list(device_other.check(p)) == []
    assert categories(concern, preflight(machine(devices=(WORD,)))) == []
