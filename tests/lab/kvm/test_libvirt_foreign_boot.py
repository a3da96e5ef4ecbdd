"""A machine of another kind on a real KVM host: made from its neutral fields, given real bytes, and booted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from kvm_hosts import settings_for, wipe

from drover.blocks.images import serve_image
from drover.blocks.throttle import Throttle
from drover.blocks.verified import verified_copy
from drover.guest.checks import run_check
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.port import TargetSettings
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine
from drover.waves.checks import HttpCheck, HttpRequest
from drover_lab import guests
from drover_lab.guests import Guest
from drover_lab.images import cache
from drover_lab.lab import Lab

pytestmark = pytest.mark.lab
MIB = 1024 * 1024


def foreign(guest: Guest, *disks: Disk, nic: str, firmware: Firmware) -> VirtualMachine:
    """As a vCenter would tell it; its own definition is no XML."""
    return VirtualMachine(
        name=guest.name,
        uuid="42110d5a-6f0e-4a52-9d4e-1f0a5b6c7d8e",
        hypervisor="vsphere",
        host="esx-a1",
        state=PowerState.OFF,
        cpu=Cpu(2, sockets=1, cores=2),
        memory=256 * MIB,
        firmware=firmware,
        disks=disks,
        nics=(Nic(guest.mac, "production", nic),),
        autostart=True,
        boot_order=(disks[0].name,),
        native=json.dumps({"config": {"name": guest.name}}),
        guest_os="otherLinux64Guest",
    )


def disk(name: str, size: int, controller: str, bus: str = "scsi") -> Disk:
    return Disk(name, f"[datastore1] {name}.vmdk", "default", DiskFormat.VMDK, size, MIB, bus, controller=controller)


@pytest.fixture
def b(b: LibvirtHypervisor):
    wipe(b)
    yield b
    wipe(b)


def settings(machine: VirtualMachine) -> TargetSettings:
    return settings_for(machine)


def move(b: LibvirtHypervisor, machine: VirtualMachine, image: Path, kind: DiskFormat) -> VirtualMachine:
    """Makes the machine and copies the guest's real disk into its first one."""
    made = b.define(machine, settings(machine))
    with (
        serve_image(image, format=kind, read_only=True) as source,
        b.write_disks(machine.name, settings(machine).owner) as targets,
    ):
        verified_copy(
            source,
            targets[made.disks[0].name],
            journal=None,
            throttle=Throttle(None),
            progress=lambda _: None,
        )
    return made


@pytest.mark.parametrize(
    ("name", "controller", "bus", "nic"),
    [
        ("web", "pvscsi", "scsi", "vmxnet3"),
        ("db", "pvscsi", "scsi", "vmxnet3"),
        ("web", "hyperv-ide", "ide", "virtio"),
        ("db", "hyperv-scsi", "scsi", "virtio"),
    ],
    ids=lambda value: value,
)
def test_a_foreign_guest_boots_and_answers(
    kvm_lab: Lab, b: LibvirtHypervisor, name: str, controller: str, bus: str, nic: str
) -> None:
    guest = guests.guest(kvm_lab.topology, name)
    image = cache.images(guest, kvm_lab.topology.state.slot, lambda _: None)["vda"]
    spec = guest.spec.disks[0]
    machine = foreign(guest, disk("0:0", spec.size, controller, bus), nic=nic, firmware=guest.spec.firmware)
    expected = b.translated(machine, settings(machine))

    made = move(b, machine, image, spec.format)

    assert replace(told(made), host="") == replace(told(expected), host="")
    with b.isolated_trial(name, "isolated", settings(machine).owner) as trial:
        health = HttpCheck(http=HttpRequest(url=f"{guest.url}/health", contains='"ok"'))
        result = run_check(health, trial.connect, 150.0, nobody)
    assert result.passed, result


def nobody(conn_id: str) -> ConnectionSpec:
    raise AssertionError(conn_id)


def told(machine: VirtualMachine) -> VirtualMachine:
    """What a translation can promise: not how much an image takes, nor the words of the definition itself."""
    disks = tuple(replace(each, allocated=0) for each in machine.disks)
    cpu = replace(machine.cpu, mode=None, model=None, features=())
    board = "q35" if "q35" in (machine.machine_type or "") else "pc"
    return replace(machine, disks=disks, cpu=cpu, native="", machine_type=board)


@pytest.mark.parametrize("firmware", list(Firmware))
@pytest.mark.parametrize("nic", ["e1000", "e1000e", "rtl8139", "pcnet32", "vmxnet2", "hyperv", "hyperv-legacy"])
def test_what_the_lab_guest_has_no_driver_for_is_at_least_started(
    kvm_lab: Lab, b: LibvirtHypervisor, nic: str, firmware: Firmware
) -> None:
    guest = guests.guest(kvm_lab.topology, "web")
    controllers = ("lsisas1068", "lsilogic", "buslogic", "nvme", "virtio-scsi")
    one = controllers[len(nic) % len(controllers)]
    machine = foreign(guest, disk("0:0", MIB, one), disk("0:1", MIB, one), nic=nic, firmware=firmware)

    made = b.define(machine, settings(machine))

    assert told(made) == told(b.translated(machine, settings(machine)))
    b.power_on(guest.name)
    assert b.power_state(guest.name) is PowerState.RUNNING
    b.power_off(guest.name)


def test_many_disks_keep_their_order(kvm_lab: Lab, b: LibvirtHypervisor) -> None:
    guest = guests.guest(kvm_lab.topology, "web")
    names = [("ide0:0", "ide", "ide"), *((f"scsi0:{n}", "pvscsi", "scsi") for n in range(17))]
    names += [("sata0:0", "ahci", "sata"), ("nvme0:0", "nvme", "nvme")]
    disks = tuple(disk(name, MIB * (place + 1), controller, bus) for place, (name, controller, bus) in enumerate(names))
    machine = foreign(guest, *disks, nic="e1000", firmware=Firmware.BIOS)

    made = b.define(machine, settings(machine))

    assert [each.size for each in made.disks] == [each.size for each in disks]
    assert told(made).disks == told(b.translated(machine, settings(machine))).disks
    assert [each.controller for each in made.disks] == ["ide", *["pvscsi"] * 17, "ahci", "ahci"]
    b.power_on(guest.name)
    assert b.power_state(guest.name) is PowerState.RUNNING
    b.power_off(guest.name)
    b.remove(guest.name, settings(machine).owner)
    assert b.machines() == []


def test_the_same_kind_is_what_its_translation_says(b: LibvirtHypervisor, a: LibvirtHypervisor, make) -> None:
    machine = make(uefi=True)
    expected = b.translated(machine, settings(machine))
    assert told(b.define(machine, settings(machine))) == told(expected)


def test_secure_boot_is_mapped_to_firmware_with_keys(kvm_lab: Lab, b: LibvirtHypervisor) -> None:
    guest = guests.guest(kvm_lab.topology, "db")
    machine = foreign(guest, disk("0:0", MIB, "pvscsi"), nic="vmxnet3", firmware=Firmware.UEFI)
    machine = replace(machine, secure_boot=True)

    made = b.define(machine, settings(machine))

    assert made.secure_boot
    b.power_on(guest.name)
    assert b.power_state(guest.name) is PowerState.RUNNING
