import pytest
from factory import WARNING, ask, categories, host, is_unknown, preflight

from drover.concerns import cpu_evc as concern

VSPHERE = {"hypervisor": "vsphere", "cpu_model": "intel-broadwell"}


def asked(here=VSPHERE, there=VSPHERE, live=True):
    return preflight(live=live, source_host=host(name="vc-a", **here), target=host(name="vc-b", **there))


def test_equal_modes_are_no_concern():
    assert categories(concern, asked()) == []


def test_another_mode_is_told_of_a_live_move():
    assert categories(concern, asked(there={**VSPHERE, "cpu_model": "intel-skylake"})) == [WARNING]


@pytest.mark.parametrize("ends", [{"here"}, {"there"}, {"here", "there"}])
def test_a_mode_that_nobody_knows_blocks_a_live_move(ends):
    assert is_unknown(ask(concern, asked(**dict.fromkeys(ends, {**VSPHERE, "cpu_model": None}))))


def test_a_target_without_a_host_that_takes_machines_is_not_known():
    p = preflight(live=True, source_host=host(**VSPHERE), target=host(**VSPHERE), hosts=())
    assert is_unknown(ask(concern, p))


def test_the_very_host_counts_and_not_what_else_is_behind_the_vcenter():
    several = (host(name="esx-1", **VSPHERE), host(name="esx-2", **{**VSPHERE, "cpu_model": "amd-zen"}))
    whole = host(**{**VSPHERE, "cpu_model": None})
    mappings = {"networks": {"production": "production"}, "storage": {"default": "default"}}
    p = preflight(
        live=True, source_host=host(**VSPHERE), target=whole, hosts=several, mappings=mappings | {"host": "esx-1"}
    )
    assert categories(concern, p) == []
    p = preflight(live=True, source_host=host(**VSPHERE), target=whole, hosts=several)
    (found,) = ask(concern, p)
    assert found.category is WARNING
    assert "those at the target amd-zen or intel-broadwell" in found.assessment


def test_a_cold_move_or_another_platform_does_not_ask():
    other = {**VSPHERE, "cpu_model": "amd-zen"}
    assert categories(concern, asked(there=other, live=False)) == []
    assert categories(concern, asked(there={**other, "hypervisor": "libvirt"})) == []


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None, live=True)) == []
