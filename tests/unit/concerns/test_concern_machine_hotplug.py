from factory import WARNING, ask, categories, host, machine, preflight

from drover.concerns import machine_hotplug as concern

GROWING = machine(devices=("hotplug cpu", "hotplug memory"))
ELSEWHERE = host(hypervisor="hyperv")


def test_a_machine_that_cannot_grow_or_stays_what_it_is_is_no_concern():
    assert categories(concern, preflight(target=ELSEWHERE)) == []
    assert categories(concern, preflight(GROWING)) == []


def test_one_that_can_loses_it_at_another_platform():
    (found,) = ask(concern, preflight(GROWING, target=ELSEWHERE))
    assert found.category is WARNING
    assert "lets cpu and memory be added" in found.assessment


def test_vmotion_takes_it_along_and_a_cold_move_between_vcenters_does_not():
    vcenter, guest = host(hypervisor="vsphere"), machine(hypervisor="vsphere", devices=("hotplug cpu",))
    both = {"target": vcenter, "source_host": vcenter}
    assert categories(concern, preflight(guest, live=True, **both)) == []
    assert categories(concern, preflight(guest, **both)) == [WARNING]


def test_a_machine_that_is_not_there_is_another_concern():
    assert categories(concern, preflight(None)) == []
