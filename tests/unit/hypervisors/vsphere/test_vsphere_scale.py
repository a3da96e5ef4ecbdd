"""What is asked of a vCenter, counted at the vCenter: little for one machine, and a few pages for thousands."""

from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest
from movers import MIB, contents, data, fill, kvm_machine, settings
from vcenter_process import VCenter

from drover.hypervisors.vsphere import collector
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Firmware

PAGE = 20
FEW, MANY = 3, 2 * PAGE + 1


def asked(vcenter: VCenter, machines: int) -> int:
    """Calls that a whole inventory takes, from the login to the logout."""
    before = vcenter.ask("calls")
    with VsphereHypervisor(vcenter.spec()) as hypervisor:
        assert len(hypervisor.machines()) == machines
    return int(vcenter.ask("calls")) - int(before)


def test_calls_grow_with_pages_and_not_with_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collector, "PAGE", PAGE)
    counts = {}
    for machines in (FEW, MANY):
        place = tmp_path / str(machines)
        place.mkdir()
        vcenter = VCenter(place, machines=machines)
        try:
            counts[machines] = asked(vcenter, machines)
        finally:
            vcenter.stop()
    assert counts[MANY] - counts[FEW] == ceil(MANY / PAGE) - ceil(FEW / PAGE)


@pytest.mark.parametrize("delay", [10, 200])
def test_a_slow_vcenter_is_asked_a_few_times_for_a_machine(vcenter: VCenter, delay: int) -> None:
    with VsphereHypervisor(vcenter.spec()) as hypervisor:
        expected = next(machine for machine in hypervisor.machines() if machine.name == "stand-in-00001")
        vcenter.ask("delay", delay=delay)
        try:
            before = vcenter.ask("calls")
            assert hypervisor.machine("stand-in-00001") == expected
            assert int(vcenter.ask("calls")) - int(before) <= 6
        finally:
            vcenter.ask("delay", delay=0)


def test_a_slow_vcenter_takes_a_machine_and_gives_it_back(
    vcenter: VCenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waits are told, not asked for: a vCenter that is slow is not asked more often than one that is quick."""
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))
    content = data(9, 2 * MIB)
    machine = kvm_machine("slow", firmware=Firmware.BIOS, nics=(), boot_order=())
    machine = replace(machine, disks=(replace(machine.disks[0], size=2 * MIB, allocated=2 * MIB),))
    wanted = settings(machine)
    with VsphereHypervisor(vcenter.spec()) as hypervisor:
        before = int(vcenter.ask("calls"))
        vcenter.ask("delay", delay=10)
        try:
            hypervisor.define(machine, wanted)
            fill(hypervisor, "slow", wanted.owner, [content], tmp_path)
            hypervisor.power_on("slow")
            hypervisor.power_off("slow")
            vcenter.ask("delay", delay=200)
            with hypervisor.read_disks("slow") as disks:
                assert contents(disks) == [content]
        finally:
            vcenter.ask("delay", delay=0)
            hypervisor.remove("slow", wanted.owner)
        assert int(vcenter.ask("calls")) - before < 250, "it takes 175; the rest is for a machine under load"
