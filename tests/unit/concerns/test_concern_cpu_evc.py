import pytest
from factory import WARNING, categories, host, preflight

from drover.concerns import cpu_evc as concern

VSPHERE = {"hypervisor": "vsphere", "cpu_model": "intel-broadwell"}


def asked(here=VSPHERE, there=VSPHERE, live=True):
    return preflight(live=live, source_host=host(name="vc-a", **here), target=host(name="vc-b", **there))


def test_equal_modes_are_no_concern():
    assert categories(concern, asked()) == []


@pytest.mark.parametrize("model", ["intel-skylake", None])
def test_other_or_unknown_modes_are_told_of_a_live_move(model):
    assert categories(concern, asked(there={**VSPHERE, "cpu_model": model})) == [WARNING]
    assert categories(concern, asked({**VSPHERE, "cpu_model": None}, {**VSPHERE, "cpu_model": None})) == [WARNING]


def test_a_cold_move_or_another_platform_does_not_ask():
    other = {**VSPHERE, "cpu_model": "amd-zen"}
    assert categories(concern, asked(there=other, live=False)) == []
    assert categories(concern, asked(there={**other, "hypervisor": "libvirt"})) == []


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None, live=True)) == []
