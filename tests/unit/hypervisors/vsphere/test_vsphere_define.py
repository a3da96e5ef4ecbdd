"""A machine of any kind at a vCenter: exactly what was told beforehand, found again by a retry, tidily removed."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from movers import MIB, ODD_NAME, kvm_machine, settings
from vcenter_process import VCenter, make_machine

from drover.errors import BadInputError, DroverError, OperatorNeededError
from drover.hypervisors.vsphere import define, lookup, snapshots, tasks
from drover.hypervisors.vsphere.define import reserved
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.translate import slots_of
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine


@pytest.fixture(autouse=True)
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROVER_STAGING", str(tmp_path / "staging"))


def hung(*controllers: tuple[str, str | None]) -> VirtualMachine:
    disks = (
        Disk(f"d{n}", "/x", "default", DiskFormat.RAW, MIB, 0, bus, controller=controller)
        for n, (bus, controller) in enumerate(controllers)
    )
    return kvm_machine(disks=tuple(disks), boot_order=())


def names(machine: VirtualMachine) -> list[str]:
    return [f"{slot.word} {slot.name}" for slot in slots_of(machine)]


def test_what_is_made_is_what_was_told(hypervisor: VsphereHypervisor) -> None:
    machine = kvm_machine(secure_boot=True, notes="Ask Ann & Bob <before> you restart it.\nIt is 50% hers.")
    wanted = settings(machine)
    told = hypervisor.translated(machine, wanted)
    assert hypervisor.find(ODD_NAME) is None, "telling changes nothing"
    made = hypervisor.define(machine, wanted)
    for field in ("name", "uuid", "host", "state", "cpu", "memory", "firmware", "secure_boot", "autostart",
                  "boot_order", "machine_type", "ownership", "nics", "notes"):  # fmt: skip
        assert getattr(made, field) == getattr(told, field), field
    for before, after in zip(told.disks, made.disks, strict=True):
        for field in ("name", "pool", "format", "size", "bus", "controller", "boot_order", "serial", "read_only"):
            assert getattr(after, field) == getattr(before, field), field
    assert made.notes == machine.notes
    assert [nic.mac for nic in made.nics] == [nic.mac for nic in machine.nics]
    assert [nic.network for nic in made.nics] == ["production", "VM Network"]
    assert made.cpu == Cpu(count=4, sockets=2, cores=2), "threads are cores there"
    assert made.boot_order == ("scsi0:0", "52:54:00:0a:0b:0c")
    again = hypervisor.define(machine, wanted)
    assert (again.id, again.disks) == (made.id, made.disks), "a retry finds it"
    hypervisor.remove(ODD_NAME, wanted.owner)
    assert hypervisor.find(ODD_NAME) is None
    hypervisor.remove(ODD_NAME, wanted.owner)


def test_disks_keep_their_order_on_every_bus() -> None:
    assert names(hung(("virtio", None), ("virtio", None))) == ["pvscsi scsi0:0", "pvscsi scsi0:1"]
    assert names(hung(("ide", "ide"), ("scsi", "lsilogic"), ("sata", "ahci"), ("nvme", "nvme"))) == [
        "ide ide0:0", "lsilogic scsi0:0", "ahci sata0:0", "nvme nvme0:0",
    ]  # fmt: skip
    assert names(hung(("scsi", "lsilogic"), ("scsi", "pvscsi"))) == ["lsilogic scsi0:0", "pvscsi scsi1:0"]
    # vSphere lists SCSI before SATA: as they are, the two would change places.
    assert names(hung(("sata", "ahci"), ("scsi", "pvscsi"))) == ["pvscsi scsi0:0", "pvscsi scsi0:1"]
    many = names(hung(*[("virtio", None)] * 16))
    assert many[6:9] == ["pvscsi scsi0:6", "pvscsi scsi0:8", "pvscsi scsi0:9"], "unit 7 is the controller's own"
    assert many[15] == "pvscsi scsi1:0"
    assert names(hung(*[("ide", "ide")] * 5))[4] == "pvscsi scsi0:4", "IDE takes four"


def test_more_disks_than_vsphere_takes_are_refused() -> None:
    with pytest.raises(OperatorNeededError, match=r"has 61 disks, and vSphere gives it 60 at most\."):
        slots_of(hung(*[("virtio", None)] * 61))


BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"memory": 3 * MIB}, {}, "has 3145728 bytes of memory, and vSphere gives it in steps of 4 MiB."),
    ({"nics": (Nic("52:54:00:00:00:01", "nowhere", "virtio"),)}, {}, "on network 'nowhere', which is not mapped."),
    ({"nics": (Nic("52:54:00:00:00:01", "lan", "strange"),)}, {}, "is a 'strange', which vSphere cannot give it."),
    ({}, {"networks": {"production": "gone", "lan": "gone"}}, "The network 'gone' does not exist on 127.0.0.1."),
    ({}, {"storage": {}}, "lies in pool 'default', which is not mapped."),
    ({}, {"storage": {"default": "gone"}}, "The datastore 'gone' does not exist on 127.0.0.1."),
    ({}, {"host": "gone"}, "There is no ESXi host or cluster 'gone' on 127.0.0.1."),
    ({"disks": (Disk("vda", "/x", "default", DiskFormat.RAW, 1000, 0, "virtio"),)}, {}, "has 1000 bytes, and vSphere"),
    ({"disks": (Disk("vda", "/x", None, DiskFormat.RAW, MIB, 0, "virtio"),)}, {}, "lies in no storage pool (/x)"),
]


@pytest.mark.parametrize(("machine", "wanted", "sentence"), BAD, ids=[sentence for _, _, sentence in BAD])
def test_what_cannot_be_kept_is_refused(
    hypervisor: VsphereHypervisor, machine: dict[str, Any], wanted: dict[str, Any], sentence: str
) -> None:
    given = kvm_machine("refused", **machine)
    for work in (hypervisor.translated, hypervisor.define):
        with pytest.raises(DroverError) as caught:
            work(given, settings(given, **wanted))
        assert sentence in caught.value.message
        assert caught.value.remedy
    assert hypervisor.find("refused") is None


def test_the_named_host_or_cluster_is_where_it_goes(hypervisor: VsphereHypervisor) -> None:
    machine = kvm_machine("placed")
    for wanted, expected in (("esx-t1", {"esx-t1"}), ("esx-t2", {"esx-t2"}), ("cluster-t", {"esx-t1", "esx-t2"})):
        chosen = settings(machine, host=wanted)
        assert hypervisor.translated(machine, chosen).host in expected
        assert hypervisor.define(machine, chosen).host in expected
        hypervisor.remove("placed", chosen.owner)


def test_a_taken_name_or_uuid_is_refused(hypervisor: VsphereHypervisor, session: Session) -> None:
    make_machine(session, "taken")
    with pytest.raises(
        OperatorNeededError, match=r"Machine 'taken' on 127\.0\.0\.1 already has the name of machine 'taken'"
    ):
        hypervisor.define(kvm_machine("taken"), settings(kvm_machine("taken")))
    machine = kvm_machine("first")
    hypervisor.define(machine, settings(machine))
    with pytest.raises(OperatorNeededError, match=r"Machine 'first' on .* already has the UUID of machine 'second'"):
        hypervisor.define(replace(machine, name="second"), settings(replace(machine, name="second")))
    with pytest.raises(
        OperatorNeededError, match=r"Machine 'taken' .* was not made by this move, so it is not removed"
    ):
        hypervisor.remove("taken", settings(kvm_machine("taken")).owner)
    with pytest.raises(OperatorNeededError, match=r"was not made by this move"):
        hypervisor.remove("first", settings(machine, wave="another").owner)
    hypervisor.remove("first", settings(machine).owner)
    assert hypervisor.find("taken") is not None


def test_two_machines_of_one_name_are_refused(hypervisor: VsphereHypervisor, session: Session) -> None:
    make_machine(session, "twin", "one")
    make_machine(session, "twin", "two")
    with pytest.raises(BadInputError, match=r"2 machines on 127\.0\.0\.1 are named 'twin'"):
        hypervisor.define(kvm_machine("twin"), settings(kvm_machine("twin")))


def test_a_disk_that_somebody_attached_is_not_removed(hypervisor: VsphereHypervisor, session: Session) -> None:
    from pyVmomi import vim

    keeper, machine = kvm_machine("keeper"), kvm_machine("guest", uuid="1b671a64-40d5-491e-99b0-da01ff1f3341")
    hypervisor.define(keeper, settings(keeper))
    made = hypervisor.define(machine, settings(machine))
    strange = hypervisor.machine("keeper").disks[0].path
    reference = lookup.require(session, "guest")
    like = next(one for one in reference.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk))
    disk = vim.vm.device.VirtualDisk(
        key=-1, controllerKey=like.controllerKey, unitNumber=5, capacityInKB=made.disks[0].size >> 10,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName=strange, diskMode="persistent"),
    )  # fmt: skip
    change = vim.vm.device.VirtualDeviceSpec(operation="add", device=disk)
    tasks.wait(session, reference.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])), "a test's change")
    hypervisor.remove("guest", settings(machine).owner)
    with hypervisor.read_disks("keeper") as endpoints:
        assert list(endpoints) == ["scsi0:0", "scsi0:1"]
    hypervisor.remove("keeper", settings(keeper).owner)


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "killed before it was recorded"])
def test_a_foreign_disk_in_a_folder_of_the_same_name_is_not_removed(
    hypervisor: VsphereHypervisor, session: Session, vcenter: VCenter, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    """On another datastore: the server gives a machine folders of one name on all of its datastores."""
    from pyVmomi import vim

    if not recorded:
        monkeypatch.setattr(define, "_record", lambda *_: None)
    machine = kvm_machine("guest")
    made = hypervisor.define(machine, settings(machine))
    home = made.disks[0].path.partition("] ")[2].partition("/")[0]
    (vcenter.folder / "small" / home).mkdir()
    foreign = f"[small] {home}/foreign.vmdk"
    center = session.content.rootFolder.childEntity[0]
    manager = session.content.virtualDiskManager
    tasks.wait(session, manager.CopyVirtualDisk_Task(made.disks[1].path, center, foreign, center), "a test's disk")
    reference = lookup.require(session, "guest")
    like = next(one for one in reference.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk))
    disk = vim.vm.device.VirtualDisk(
        key=-1, controllerKey=like.controllerKey, unitNumber=5, capacityInKB=made.disks[1].size >> 10,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName=foreign, diskMode="persistent"),
    )  # fmt: skip
    change = vim.vm.device.VirtualDeviceSpec(operation="add", device=disk)
    tasks.wait(session, reference.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])), "a test's change")
    hypervisor.remove("guest", settings(machine).owner)
    assert sorted(file.name for file in (vcenter.folder / "small" / home).iterdir()) == [
        "foreign-flat.vmdk",
        "foreign.vmdk",
    ]
    assert not (vcenter.folder / "datastore1" / home).exists()
    shutil.rmtree(vcenter.folder / "small" / home)


def test_nothing_is_done_to_another_ones_machine(hypervisor: VsphereHypervisor, session: Session) -> None:
    """Not even a trial's snapshot goes, which looks like one of ours."""
    machine = kvm_machine("anothers", firmware=Firmware.BIOS, nics=(), boot_order=())
    hypervisor.define(machine, settings(machine, wave="another"))
    reference = lookup.require(session, "anothers")
    snapshots.create(session, reference, "anothers", "trial")
    hypervisor.power_on("anothers")
    with pytest.raises(OperatorNeededError, match=r"was not made by this move, so it is not removed"):
        hypervisor.remove("anothers", settings(machine).owner)
    hypervisor.end_trial("anothers", settings(machine).owner)
    found = hypervisor.machine("anothers")
    assert (found.state, found.snapshots) == (PowerState.RUNNING, ("drover trial",))
    hypervisor.remove("anothers", settings(machine, wave="another").owner)
    assert hypervisor.find("anothers") is None, "its own owner ends the trial first"


def test_addresses_that_vmware_deals_out_itself_are_known() -> None:
    """ESXi starts no machine that has one of them fixed, unless its settings say that it is not to look."""
    assert [reserved(mac) for mac in ("00:0c:29:00:00:01", "00:50:56:40:00:00")] == [True, True]
    assert [reserved(mac) for mac in ("00:50:56:3f:ff:ff", "52:54:00:00:00:01")] == [False, False]
