"""What a vCenter's machines look like in the model, read in pages; names, places and whose a machine is."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from vcenter_process import VCenter, device, disk, make_machine

from drover.errors import BadInputError
from drover.hypervisors.vsphere import collector, inventory, lookup, snapshots, tags, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.names import escape, to_give, unescape
from drover.hypervisors.vsphere.session import Session
from drover.model import Firmware, Ownership, PowerState

OWNER = Ownership("wave 7", "run 1", "web", "4c4c4544-0000-0000-0000-000000000000", "target")
GIB = 1 << 30


_numbers = itertools.count()


@pytest.fixture
def names() -> Iterator[str]:
    """Names that no other test uses."""
    return (f"machine {number}" for number in _numbers)


def test_a_machine_is_read_whole(session: Session, names: Iterator[str]) -> None:
    from pyVmomi import vim

    virtual = vim.vm.device
    name = next(names)
    group = next(one for one in session.content.rootFolder.childEntity[0].network if one.name == "production")
    port = vim.dvs.PortConnection(portgroupKey=group.key, switchUuid=group.config.distributedVirtualSwitch.uuid)
    backing = virtual.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)
    card = {"backing": backing, "addressType": "manual", "macAddress": "00:50:56:3F:00:01"}
    options = vim.vm.BootOptions(
        efiSecureBootEnabled=True,
        bootOrder=[
            vim.vm.BootOptions.BootableEthernetDevice(deviceKey=4000),
            vim.vm.BootOptions.BootableDiskDevice(deviceKey=2001),
            vim.vm.BootOptions.BootableCdromDevice(),
        ],
    )
    changes = [
        device(virtual.ParaVirtualSCSIController, key=1000, busNumber=0, sharedBus="noSharing"),
        device(virtual.VirtualAHCIController, key=15000, busNumber=0),
        disk(2001, 1000, 1, thinProvisioned=True),
        disk(2000, 1000, 0, thinProvisioned=True),
        disk(2002, 15000, 0, diskMode="independent_persistent"),
        device(virtual.VirtualVmxnet3, key=4000, **card),
    ]
    make_machine(session, name, firmware="efi", bootOptions=options, deviceChange=changes, version="vmx-19")
    found = inventory.machine(session, name)
    assert (found.name, found.hypervisor, found.host, found.state) == (name, "vsphere", "esx-t1", PowerState.OFF)
    assert (found.cpu.count, found.cpu.sockets, found.cpu.cores, found.memory) == (2, 1, 2, 64 << 20)
    assert (found.firmware, found.secure_boot, found.machine_type) == (Firmware.UEFI, True, "vmx-19")
    assert [(one.name, one.bus, one.controller, one.size) for one in found.disks] == [
        ("scsi0:0", "scsi", "pvscsi", GIB),
        ("scsi0:1", "scsi", "pvscsi", GIB),
        ("sata0:0", "sata", "ahci", GIB),
    ]
    assert [one.pool for one in found.disks] == ["datastore1"] * 3
    assert [one.independent for one in found.disks] == [False, False, True]
    assert [one.boot_order for one in found.disks] == [None, 2, None]
    assert [(nic.mac, nic.network, nic.model, nic.boot_order) for nic in found.nics] == [
        ("00:50:56:3f:00:01", "production", "vmxnet3", 1)
    ]
    assert found.boot_order == ("00:50:56:3f:00:01", "scsi0:1", "cdrom")
    assert (found.changed_blocks, found.template, found.autostart, found.snapshots) == (False, False, False, ())
    assert found.devices == ()
    native = json.loads(found.native)
    assert native["version"] == "vmx-19"
    assert [one["key"] for one in native["hardware"]["device"] if one["_type"] == "VirtualDisk"] == [
        "2001", "2000", "2002",
    ]  # fmt: skip


def test_what_cannot_simply_move_is_named(session: Session, names: Iterator[str]) -> None:
    from pyVmomi import vim

    virtual = vim.vm.device
    name = next(names)
    serial = virtual.VirtualSerialPort.URIBackingInfo(serviceURI="tcp://x:1", direction="server")
    changes = [
        device(virtual.VirtualLsiLogicController, key=1000, busNumber=1, sharedBus="physicalSharing"),
        disk(2000, 1000, 0),
        disk(2001, 1000, 1, diskMode="independent_nonpersistent"),
        device(virtual.VirtualSerialPort, key=9000, backing=serial, yieldOnPoll=True),
        device(virtual.VirtualTPM, key=11000),
        device(virtual.VirtualPrecisionClock, key=12500),
    ]
    make_machine(session, name, deviceChange=changes)
    found = inventory.machine(session, name)
    assert [one.shared for one in found.disks] == [True, True]
    assert [one.read_only for one in found.disks] == [False, True]
    kinds = {word.split(" ")[0] for word in found.devices}
    assert kinds == {"disk-nonpersistent", "serial", "tpm", "precision-clock"}


def test_a_secret_in_the_settings_is_not_kept(session: Session, names: Iterator[str]) -> None:
    from pyVmomi import vim

    option = vim.option.OptionValue
    name = next(names)
    given = [option(key="guestinfo.userdata", value="passwd: hunter2"), option(key="disk.EnableUUID", value="TRUE")]
    make_machine(session, name, extraConfig=given)
    native = inventory.machine(session, name).native
    assert "hunter2" not in native
    assert json.loads(native)["extraConfig"] == {"disk.EnableUUID": "TRUE"}


def test_pages_are_few_however_many_machines(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    invoke = session._invoke
    monkeypatch.setattr(
        session, "_invoke", lambda call, mo, info, args: (calls.append(info.name), invoke(call, mo, info, args))[1]
    )
    count = len(inventory.machines(session))
    assert count >= 3
    first = len(calls)
    assert first <= 12
    calls.clear()
    monkeypatch.setattr(collector, "PAGE", 1)
    assert len(inventory.machines(session)) == count
    assert calls.count("ContinueRetrievePropertiesEx") >= count - 1


@pytest.mark.parametrize("odd", ["50% off", "a/b", "a\\b", 'it\'s "q" & <tag>', "ünïcode", "  two  spaces"])
def test_odd_names_come_and_go_as_people_write_them(session: Session, odd: str) -> None:
    assert unescape(escape(odd)) == odd
    made = make_machine(session, to_give(odd))
    try:
        assert inventory.machine(session, odd).name == odd
        assert odd in [machine.name for machine in inventory.machines(session)]
        if escape(odd) != odd:
            assert inventory.find(session, escape(odd)) is None
        assert lookup.path(session, made._moId) == f"site-t/vm/{odd}"
    finally:
        tasks.wait(session, made.Destroy_Task(), "removing it")
    assert inventory.find(session, odd) is None


def test_a_name_that_looks_escaped_is_given_so_that_it_stays() -> None:
    assert to_give("100%2fliteral") == "100%252fliteral"
    assert unescape(to_give("100%2fliteral")) == "100%2fliteral"


def test_a_slash_in_a_name_is_no_path(session: Session, names: Iterator[str]) -> None:
    name = next(names)
    make_machine(session, name, folder="prod")
    assert inventory.find(session, f"prod/{name}") is None
    assert inventory.machine(session, name).name == name


def test_two_machines_of_one_name_are_refused_with_both_paths(session: Session, names: Iterator[str]) -> None:
    name = next(names)
    make_machine(session, name, folder="prod/old")
    inventory.machine(session, name)
    other = make_machine(session, name, folder="test")
    with VsphereHypervisor(session.spec) as fresh, pytest.raises(BadInputError) as caught:
        fresh.machine(name)
    assert caught.value.message == (
        f"2 machines on 127.0.0.1 are named '{name}': site-t/vm/prod/old/{name} and site-t/vm/test/{name}."
    )
    assert caught.value.remedy.startswith("Rename all but one of them")
    tasks.wait(session, other.Destroy_Task(), "cleaning up", deadline=30)


def test_a_machine_that_was_renamed_is_not_found_any_more(session: Session, names: Iterator[str]) -> None:
    name, later = next(names), next(names)
    made = make_machine(session, name)
    before = inventory.machine(session, name)
    tasks.wait(session, made.Rename_Task(later), "a change", deadline=30)
    assert inventory.find(session, name) is None
    with pytest.raises(BadInputError) as caught:
        inventory.machine(session, name)
    assert caught.value.message == f"There is no machine named '{name}' on 127.0.0.1."
    assert "renamed" in caught.value.remedy
    after = inventory.machine(session, later)
    assert (after.id, after.uuid) == (before.id, before.uuid)


def test_whose_a_machine_is_stands_in_it_and_where_people_see_it(
    hypervisor: VsphereHypervisor, names: Iterator[str]
) -> None:
    name = next(names)
    made = make_machine(hypervisor.session, name, extraConfig=[tags.option(OWNER)])
    assert hypervisor.machine(name).ownership == OWNER
    started = Ownership("wave 7", "run 2", "web", OWNER.source_uuid, "started")
    for _ in range(2):
        hypervisor.tag(name, started)
        assert hypervisor.machine(name).ownership == started
    key = next(one.key for one in hypervisor.session.content.customFieldsManager.field if one.name == "drover")
    assert [json.loads(one.value)["role"] for one in made.customValue if one.key == key] == ["started"]


def test_the_attribute_that_somebody_makes_at_the_same_moment_is_used(
    session: Session, names: Iterator[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyVmomi import vim

    manager = session.content.customFieldsManager
    for field in manager.field:
        if field.name == "drover":
            manager.RemoveCustomFieldDef(field.key)
    find, looks = tags._find_field, []

    def late(asked: Any) -> int | None:
        looks.append(1)
        if len(looks) == 1:
            assert find(asked) is None
            asked.AddCustomFieldDef("drover", vim.VirtualMachine, None, None)
            return None
        return find(asked)

    monkeypatch.setattr(tags, "_find_field", late)
    made = make_machine(session, next(names))
    tags.show(session, made, OWNER)
    assert [one.name for one in manager.field].count("drover") == 1
    assert len(made.customValue) == 1


@pytest.mark.parametrize(
    "text", ["", "null", "{}", '{"wave": 1}', "[1]", '{"wave":"w","run":"r","machine":"m","role":"x"}']
)
def test_a_tag_that_lacks_a_part_proves_nothing(text: str) -> None:
    assert tags.parse(text) is None


def test_only_our_own_snapshot_is_removed(session: Session, names: Iterator[str]) -> None:
    name = next(names)
    made = make_machine(session, name)
    tasks.wait(session, made.CreateSnapshot_Task("before the update", "", False, False), "a change", deadline=30)
    tasks.wait(session, made.CreateSnapshot_Task("drover read", "by hand", False, False), "a change", deadline=30)
    ours = snapshots.create(session, made, name, "read")
    assert (ours.name, ours.ours, ours.quiesced) == ("drover read", True, False)
    again = snapshots.create(session, made, name, "read")
    assert again.reference._moId != ours.reference._moId
    assert inventory.machine(session, name).snapshots == ("before the update", "drover read", "drover read")
    snapshots.remove(session, made, name, "read")
    snapshots.remove(session, made, name, "read")
    assert inventory.machine(session, name).snapshots == ("before the update", "drover read")


def test_the_vcenter_and_what_it_offers(vcenter: VCenter, hypervisor: VsphereHypervisor) -> None:
    whole, hosts = hypervisor.host(), hypervisor.hosts()
    assert (whole.name, whole.hypervisor, whole.in_maintenance) == ("127.0.0.1", "vsphere", False)
    assert [host.name for host in hosts] == ["esx-t1", "esx-t2"]
    cluster = hypervisor.session.content.rootFolder.childEntity[0].hostFolder.childEntity[0]
    assert [host.cluster for host in hosts] == [cluster.name] * 2
    assert (whole.cpus, whole.memory) == (sum(one.cpus for one in hosts), sum(one.memory for one in hosts))
    assert "vmx-19" in whole.machine_types
    pools = {pool.name: pool for pool in hypervisor.pools()}
    assert set(pools) == {"datastore1", "small"}
    assert pools["small"].capacity == 64 << 20
    found = {network.name: network.isolated for network in hypervisor.networks()}
    assert found == {"production": False, "isolated": True, "VM Network": False}
