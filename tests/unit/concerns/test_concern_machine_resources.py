import dataclasses

from factory import WARNING, ask, categories, host, machine, preflight

from drover.concerns import machine_resources as concern

SHARE = machine(devices=("resources memory limit 512 MB", "resources cpu reservation 500 MHz"))


def test_a_machine_like_any_other_is_no_concern():
    assert categories(concern, preflight()) == []


def test_a_live_move_keeps_it_and_so_does_a_libvirt_machine_s_definition():
    vcenter, guest = host(hypervisor="vsphere"), dataclasses.replace(SHARE, hypervisor="vsphere")
    assert categories(concern, preflight(guest, target=vcenter, live=True)) == []
    assert categories(concern, preflight(guest, target=vcenter)) == [WARNING]
    assert categories(concern, preflight(SHARE)) == []


def test_a_share_of_its_own_is_told_in_one_sentence():
    (found,) = ask(concern, preflight(SHARE, target=host(hypervisor="vsphere")))
    assert found.category is WARNING
    assert found.assessment == (
        "Machine 'web' has its own share of its host (cpu reservation 500 MHz, memory limit 512 MB). It stays behind: "
        "at the target it competes with others like any other machine. "
        "Set it again at the target after the move, where somebody counts on it."
    )
