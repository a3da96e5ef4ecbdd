"""What a host answers becomes machines, hosts, networks and pools of the model."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from answers import ADAPTER, DISK, GIB, GUID, HOST, ID, SHUTDOWN, VOLUMES, Told, answer

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.hyperv import inventory, power, site, tags
from drover.hypervisors.hyperv.errors import ScriptError
from drover.hypervisors.hyperv.session import Session
from drover.model import DiskFormat, Firmware, Ownership, PowerState, VirtualMachine

# What a machine that nobody changed anything of is told with.
USUAL = ("stop-action Save",)
OWNER = Ownership("wave", "run", "web", GUID.lower(), "target")


def told(**answers: Any) -> Any:
    return Told(**answers)


def machine(**changes: Any) -> VirtualMachine:
    return inventory.machine(told(inventory=[answer(**changes)]), "web")


def test_a_machine_is_read() -> None:
    found = machine()
    assert (found.name, found.uuid, found.id, found.host) == ("web", GUID.lower(), ID, "HV-A")
    assert (found.state, found.firmware, found.autostart) == (PowerState.RUNNING, Firmware.UEFI, True)
    assert (found.cpu.count, found.memory, found.machine_type) == (2, GIB, "9.0")
    (disk,) = found.disks
    assert (disk.name, disk.pool, disk.size, disk.bus) == ("SCSI 0:0", "D:", 4 * GIB, "scsi")
    assert (disk.controller, disk.format, disk.backing) == ("hyperv-scsi", DiskFormat.VHDX, None)
    (nic,) = found.nics
    assert (nic.mac, nic.network, nic.model, nic.address) == (
        "00:15:5d:01:02:03",
        "production",
        "hyperv",
        "192.0.2.7",
    )
    assert found.boot_order == ("SCSI 0:0", "00:15:5d:01:02:03")
    assert found.guest_tools == "running"
    assert found.devices == USUAL
    assert found.ownership is None


def test_a_host_of_many_machines_is_asked_for_some_at_a_time() -> None:
    names = [{"id": f"id-{number:03}", "name": f"web-{number:03}"} for number in range(300)]
    session = told(
        machines=names, inventory=lambda given: [answer(id=one, name=f"web-{one[3:]}") for one in given["ids"]]
    )
    assert [one.name for one in inventory.machines(session)] == [one["name"] for one in names]
    asked = [given["ids"] for given in session.given("inventory")]
    assert sum(asked, []) == [one["id"] for one in names]
    assert max(map(len, asked)) <= 25


def test_a_host_without_machines_is_asked_for_none() -> None:
    session = told(machines=[])
    assert inventory.machines(session) == []
    assert session.given("inventory") == []


UNREADABLE = {
    "id": ID, "biosGuid": f"{{{GUID}}}", "name": "web", "host": "HV-A", "state": "Running", "generation": 2,
    "notes": "", "processors": 2, "memory": str(GIB), "startAction": "Start", "problem": "No such file.\r\nSorry.",
}  # fmt: skip


def test_a_machine_that_cannot_be_read_is_listed_and_refused_by_itself() -> None:
    session = told(inventory=[UNREADABLE | {"notes": tags.text(OWNER)}, answer(id="2", name="db")])
    db, web = inventory.machines(session)
    assert (db.name, db.devices) == ("db", USUAL)
    assert (web.name, web.uuid, web.state, web.ownership) == ("web", GUID.lower(), PowerState.RUNNING, OWNER)
    assert web.devices == ("machine-unreadable No such file. Sorry",)
    for ask in (lambda: inventory.find(session, "web"), lambda: inventory.read(session, [ID])):
        with pytest.raises(OperatorNeededError) as caught:
            ask()
        assert caught.value.message == "Machine 'web' on hv-a cannot be read: No such file. Sorry."


@pytest.mark.parametrize("fact", ["clustered", "shielded", "tpm", "memoryDynamic", "nested"])
def test_what_hyper_v_does_not_tell_is_not_taken_for_no(fact: str) -> None:
    assert machine(**{fact: None}).devices == (f"unreadable {fact} (Hyper-V does not tell)", *USUAL)


def test_neither_are_replication_vlans_and_shared_disks() -> None:
    assert machine(replication="").devices == ("unreadable replication (Hyper-V does not tell)", *USUAL)
    assert machine(disks=[DISK | {"shared": None}]).devices == (
        "unreadable sharing of disk SCSI 0:0 (Hyper-V does not tell)",
        *USUAL,
    )
    assert machine(adapters=[ADAPTER | {"vlanMode": ""}]).devices == ("vlan 00:15:5d:01:02:03", *USUAL)


def test_every_address_of_an_adapter_is_known() -> None:
    (nic,) = machine(adapters=[ADAPTER | {"addresses": ["fe80::1", "192.0.2.7", "192.0.2.8"]}]).nics
    assert (nic.address, nic.more_addresses) == ("fe80::1", ("192.0.2.7", "192.0.2.8"))


def item(name: str, data: str) -> str:
    """As Windows writes it."""
    told = {"Caption": None, "Data": data, "Description": None, "ElementName": None, "Name": name, "Source": "2"}
    inner = "".join(
        f'<PROPERTY NAME="{key}" TYPE="string">{f"<VALUE>{value}</VALUE>" if value else ""}</PROPERTY>'
        for key, value in told.items()
    )
    return f'<INSTANCE CLASSNAME="Msvm_KvpExchangeDataItem">{inner}</INSTANCE>'


@pytest.mark.parametrize(
    ("items", "system"),
    [
        ([item("OSName", "Debian GNU/Linux")], "Debian GNU/Linux"),
        ([item("FullyQualifiedDomainName", "OSName"), item("OSName", "Windows 11 &amp; more")], "Windows 11 & more"),
        ([], None),
        ([item("OSName", "")], None),
        (["<INSTANCE", "", item("OSVersion", "6.1")], None),
    ],
)
def test_the_guest_tells_what_system_it_is(items: list[str], system: str | None) -> None:
    assert machine(system=items).guest_os == system


@pytest.mark.parametrize(("kind", "is_one"), [("1", False), ("2", True), ("3", False), ("", None)])
def test_windows_tells_whether_it_is_a_domain_controller(kind: str, is_one: bool | None) -> None:
    items = [item("OSName", "Windows Server 2022"), item("ProductType", kind)]
    assert machine(system=items).domain_controller is is_one


def test_notes_are_what_people_wrote() -> None:
    assert machine(notes=tags.written("the shop's", OWNER)).notes == "the shop's"
    assert machine(notes=tags.text(OWNER)).notes is None


def test_disks_come_by_controller_and_place() -> None:
    places = [("SCSI", 1, 0), ("SCSI", 0, 10), ("SCSI", 0, 2), ("IDE", 1, 0), ("IDE", 0, 1)]
    disks = [DISK | {"controller": kind, "number": number, "location": at} for kind, number, at in places]
    found = machine(generation=1, disks=disks, boot=[{"type": "IDE", "path": "", "mac": ""}])
    assert [disk.name for disk in found.disks] == ["IDE 0:1", "IDE 1:0", "SCSI 0:2", "SCSI 0:10", "SCSI 1:0"]
    assert found.firmware is Firmware.BIOS
    assert found.boot_order == ("IDE 0:1",)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"state": "Saved"}, "saved-state"),
        ({"tpm": True, "protector": True}, "tpm"),
        ({"shielded": True}, "shielded"),
        ({"protector": True}, "key-protector"),
        ({"replication": "Replicating"}, "replica Replicating"),
        ({"clustered": True}, "cluster-role"),
        ({"memoryDynamic": True}, "dynamic-memory"),
        ({"nested": True}, "nested-virtualization"),
        ({"media": ["D:\\a.iso"]}, "cdrom-media D:\\a.iso"),
        ({"floppies": ["D:\\a.vfd"]}, "floppy-media D:\\a.vfd"),
        ({"processorReserve": "10"}, "resources cpu reservation 10 %"),
        ({"processorLimit": "50"}, "resources cpu limit 50 %"),
        ({"processorWeight": "200"}, "resources cpu weight 200"),
        ({"checkpointType": "ProductionOnly"}, "checkpoints ProductionOnly"),
        ({"checkpointType": ""}, "checkpoints"),
        ({"memoryWeight": ""}, "resources memory weight unknown"),
        (
            {"secureBoot": "On", "template": "MicrosoftUEFICertificateAuthority"},
            "secure-boot-template MicrosoftUEFICertificateAuthority",
        ),
        ({"handed": ["hostdev PCIROOT(0)"]}, "hostdev PCIROOT(0)"),
        ({"notAsked": ["GPU partitions"]}, "not-asked GPU partitions"),
        ({"disks": [DISK | {"problem": "in use", "size": ""}]}, "unreadable-disk-SCSI 0:0"),
    ],
)
def test_what_is_to_be_thought_about_is_named(changes: dict[str, Any], word: str) -> None:
    assert machine(**changes).devices == (word, *USUAL)


def test_adapters_tell_of_vlans_and_of_what_they_lack() -> None:
    adapters = answer()["adapters"] * 4
    adapters[0] = adapters[0] | {"vlanMode": "Access", "vlan": 12}
    adapters[1] = adapters[1] | {"mac": "00155D010204", "switch": ""}
    adapters[2] = adapters[2] | {"mac": "000000000000", "legacy": True}
    adapters[3] = adapters[3] | {"mac": "00155D010205", "sriov": True}
    found = machine(adapters=adapters)
    assert found.devices == (
        "vlan 00:15:5d:01:02:03 access 12",
        "interface-disconnected 00:15:5d:01:02:04",
        "interface-without-mac Network Adapter",
        "sriov 00:15:5d:01:02:05",
        *USUAL,
    )
    assert [nic.model for nic in found.nics] == ["hyperv", "hyperv", "hyperv-legacy", "hyperv"]


def test_pass_through_and_shared_disks_are_told() -> None:
    (disk,) = machine(disks=[DISK | {"passThrough": True, "size": "", "path": "Disk 3"}]).disks
    assert disk.raw_mapping
    assert machine(disks=[DISK | {"shared": True}]).disks[0].shared
    assert machine(disks=[DISK | {"parent": "D:\\base.vhdx"}]).disks[0].backing == "D:\\base.vhdx"


@pytest.mark.parametrize(
    ("changes", "tools"),
    [
        ({"services": [SHUTDOWN | {"status": "NoContact"}]}, "not running"),
        ({"services": [SHUTDOWN | {"enabled": False}]}, "not running"),
        ({"services": []}, None),
        ({"state": "Off"}, None),
    ],
)
def test_the_integration_service_is_known_by_its_id(changes: dict[str, Any], tools: str | None) -> None:
    assert machine(**changes).guest_tools == tools


def test_the_tag_is_a_line_of_the_notes() -> None:
    notes = tags.written("the shop's\r\nfront end\n", OWNER)
    found = machine(notes=notes)
    assert found.ownership == OWNER
    assert tags.without(notes) == "the shop's\nfront end"
    assert tags.read(tags.written(notes, OWNER)) == OWNER
    assert tags.written(notes, OWNER).count("drover: ") == 1
    for broken in ("drover: {", 'drover: {"wave": "w"}', "drover: []", "I like drover: it is good"):
        assert tags.read(broken) is None


def test_a_live_move_that_is_cancelled_gives_the_earlier_tag_back() -> None:
    earlier, started = replace(OWNER, wave="of last month", role="committed"), replace(OWNER, role="started")
    making = tags.Making("HV-R", ("D:\\web.vhdx",))
    for before in (tags.written("the shop's", earlier), "the shop's", "", tags.text(earlier)):
        marked = tags.begun(before, started, making)
        assert (tags.read(marked), tags.making(marked), tags.without(marked)) == (started, making, tags.without(before))
        again = tags.begun(marked, started, making)
        assert (again, tags.cancelled(again)) == (marked, before)
        assert tags.cancelled(tags.written(marked, earlier)) == tags.without(before)


def test_tagging_keeps_what_people_wrote() -> None:
    session = told()
    tags.tag(session, "web", OWNER)
    assert session.given("tag") == [{"id": ID, "notes": f"the shop's\nfront end\n{tags.text(OWNER)}"}]


def test_a_name_that_two_machines_have_is_refused_with_their_ids() -> None:
    session = told(machines=[{"id": "2", "name": "web"}, {"id": "1", "name": "web"}])
    with pytest.raises(BadInputError) as caught:
        inventory.find(session, "web")
    assert caught.value.message == "hv-a has 2 machines named 'web' (1, 2)."


def test_a_name_is_compared_whole_and_never_a_pattern() -> None:
    session = told()
    for name in ("w*", "[w]eb", "WEB", "'; Stop-Computer #", "$(id)"):
        assert inventory.find(session, name) is None
        with pytest.raises(BadInputError) as caught:
            power.power_on(session, name)
        assert caught.value.message == f"There is no machine named '{name}' on hv-a."
    assert {parameters.get("name") for _, parameters in session.asked} == {None}


def test_the_host_its_switches_and_volumes() -> None:
    found = site.host(told())
    assert (found.name, found.cpus, found.cpu_model) == ("HV-A", 8, "Intel(R) Xeon(R)")
    assert (found.memory, found.memory_free) == (64 * GIB, 32 * GIB)
    assert found.clock == datetime(2026, 11, 23, 6, 15, 23, 123456, UTC).timestamp()
    assert {one.name: one.isolated for one in site.networks(told())} == {
        "production": False,
        "isolated": True,
        "host only": False,
    }
    pools = {pool.name: pool.path for pool in site.pools_of(VOLUMES, str(HOST["diskFolder"]))}
    assert pools == {
        "C:": "C:\\Hyper-V\\Virtual Hard Disks",
        "C:\\ClusterStorage\\Volume1": "C:\\ClusterStorage\\Volume1\\Hyper-V\\Virtual Hard Disks",
        "D:": "D:\\Hyper-V\\Disks",
    }
    assert site.pool_of("c:\\clusterstorage\\volume1\\a.vhdx", list(pools)) == "C:\\ClusterStorage\\Volume1"
    assert site.pool_of("\\\\nas\\vms\\a.vhdx", list(pools)) == "\\\\nas\\vms"
    assert site.pool_of("E:\\a.vhdx", list(pools)) is None


def test_power_does_nothing_where_it_is_so_already() -> None:
    session = told()
    power.power_on(session, "web")
    power.resume(session, "web")
    power.shut_down(told(state=["Off"]), "web", 1)
    assert [name for name, _ in session.asked] == ["machines", "state", "machines", "state"]


def test_a_saved_machine_is_let_go_on() -> None:
    session = told(state=["Saved"])
    power.resume(session, "web")
    assert session.given("power-on") == [{"id": ID}]


def test_a_guest_that_does_not_hear_is_told_with_hyper_vs_words() -> None:
    error = ScriptError("Hyper-V on hv-a says: The device is not ready.", remedy="Correct that on the host.")
    with pytest.raises(Exception, match="cannot be asked to shut down: Hyper-V on hv-a says: The device"):
        power.shut_down(told(**{"shut-down": error}), "web", 5)
    with pytest.raises(Exception, match="did not shut down within 0 seconds"):
        power.shut_down(told(), "web", 0)
    with pytest.raises(Exception, match="is saved, so it cannot shut down by itself"):
        power.shut_down(told(state=["Saved"]), "web", 5)


def test_a_session_is_what_stands_there() -> None:
    """The stand-in has what the real one has."""
    assert set(vars(told())) - {"answers", "asked"} <= {"spec", "target"}
    assert callable(Session.run)
