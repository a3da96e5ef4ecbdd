"""A machine of any kind in Hyper-V's words, and the orders that make it."""

from typing import Any

import pytest
from answers import DISK, GIB, GUID, ID, SHUTDOWN, Told, answer, foreign

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv import define, inventory, tags, translate
from drover.hypervisors.port import TargetSettings
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, Ownership, PowerState, VirtualMachine

OWNER = Ownership("wave", "run", "web", GUID.lower(), "target")
SETTINGS = TargetSettings({"prod": "production", "production": "production"}, {"default": "D:", "D:": "D:"}, OWNER)
FOLDER = "D:\\Hyper-V\\Disks\\drover-web-0a1b2c3d"


def told(**answers: Any) -> Any:
    return Told(**answers)


def refused(machine: VirtualMachine, settings: TargetSettings = SETTINGS, **answers: Any) -> str:
    with pytest.raises(OperatorNeededError) as caught:
        translate.translated(told(**answers), machine, settings)
    return caught.value.message


def test_a_machine_of_another_kind_with_uefi_becomes_generation_2() -> None:
    source = foreign()
    found = translate.translated(told(), source, SETTINGS)
    assert (found.hypervisor, found.host, found.state, found.autostart) == ("hyperv", "HV-A", PowerState.OFF, False)
    assert (found.name, found.uuid, found.memory, found.cpu.count) == (source.name, source.uuid, source.memory, 2)
    assert [(one.name, one.size, one.pool, one.controller) for one in found.disks] == [
        ("SCSI 0:0", 4 * GIB, "D:", "hyperv-scsi"),
        ("SCSI 0:1", GIB, "D:", "hyperv-scsi"),
    ]
    assert found.disks[0].path == f"{FOLDER}\\scsi0-0.vhdx"
    assert [(nic.mac, nic.network, nic.model) for nic in found.nics] == [("52:54:00:00:00:01", "production", "hyperv")]
    assert found.boot_order == ("SCSI 0:0", "52:54:00:00:00:01", "SCSI 0:1"), "it lists every device"
    assert found.machine_type == "10.0", "254.0 is Windows' own for tests"
    assert translate.generation(source) == 2


def test_bios_becomes_generation_1_with_its_first_four_disks_on_ide() -> None:
    disks = tuple(
        Disk(f"sd{letter}", "/x", "default", DiskFormat.RAW, GIB, 0, "scsi", controller="pvscsi") for letter in "abcdef"
    )
    nics = (Nic("52:54:00:00:00:01", "prod", "rtl8139"), Nic("52:54:00:00:00:02", "prod", "vmxnet3"))
    found = translate.translated(told(), foreign(firmware=Firmware.BIOS, disks=disks, nics=nics), SETTINGS)
    assert [disk.name for disk in found.disks] == ["IDE 0:0", "IDE 0:1", "IDE 1:0", "IDE 1:1", "SCSI 0:0", "SCSI 0:1"]
    assert [nic.model for nic in found.nics] == ["hyperv-legacy", "hyperv"]
    assert found.boot_order == ("IDE 0:0", "52:54:00:00:00:01")


def test_a_machine_of_hyper_v_keeps_its_places_and_its_version() -> None:
    disks = [DISK | {"number": 1, "location": 5}]
    source = inventory.machine(told(inventory=[answer(disks=disks, state="Off")]), "web")
    found = translate.translated(told(), source, SETTINGS)
    assert [disk.name for disk in found.disks] == ["SCSI 1:5"]
    assert found.machine_type == "9.0"
    assert found.cpu == source.cpu
    older = told(host=[told().answers["host"][0] | {"versions": ["8.0"]}])
    assert translate.translated(older, source, SETTINGS).machine_type == "8.0"


@pytest.mark.parametrize(
    ("changes", "template"),
    [
        ({}, ""),
        ({"secure_boot": True}, "MicrosoftUEFICertificateAuthority"),
        ({"secure_boot": True, "guest_os": "Debian 12"}, "MicrosoftUEFICertificateAuthority"),
        ({"secure_boot": True, "guest_os": "Microsoft Windows Server 2022"}, "MicrosoftWindows"),
    ],
)
def test_secure_boot_trusts_who_signs_for_the_guest(changes: dict[str, Any], template: str) -> None:
    assert translate.template(foreign(**changes)) == template


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"memory": GIB + 1},
            f"Machine 'web' has {GIB + 1} bytes of memory, and Hyper-V gives it in steps of 2 MiB.",
        ),
        (
            {"disks": (Disk("vda", "/x", "default", DiskFormat.RAW, GIB + 1, 0, "virtio"),)},
            f"Disk vda of machine 'web' has {GIB + 1} bytes; Hyper-V makes whole sectors, 3 MiB at least.",
        ),
        (
            {"disks": (Disk("vda", "/x", "other", DiskFormat.RAW, GIB, 0, "virtio"),)},
            "Disk vda of machine 'web' lies in pool 'other', which is not mapped.",
        ),
        (
            {"disks": (Disk("vda", "/x", None, DiskFormat.RAW, GIB, 0, "virtio"),)},
            "Disk vda of machine 'web' lies in no storage pool (/x), so no mapping says where it goes.",
        ),
        (
            {"nics": (Nic("52:54:00:00:00:01", "dmz", "virtio"),)},
            "Machine 'web' has an adapter on network 'dmz', which is not mapped.",
        ),
        (
            {"nics": (Nic("52:54:00:00:00:01", "prod", "token-ring"),)},
            "Network adapter 1 of machine 'web' is a 'token-ring', which Hyper-V cannot give it.",
        ),
        (
            {"nics": tuple(Nic(f"52:54:00:00:00:0{at}", "prod", "virtio") for at in range(9))},
            "Machine 'web' has 9 network adapters, and Hyper-V gives it 8 at most.",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert refused(foreign(**changes)) == sentence


def test_places_that_are_not_there_are_refused() -> None:
    settings = TargetSettings({"prod": "gone"}, {"default": "D:"}, OWNER)
    assert refused(foreign(), settings) == "The virtual switch 'gone' does not exist on hv-a."
    settings = TargetSettings({"prod": "production"}, {"default": "X:"}, OWNER)
    assert refused(foreign(), settings) == "The storage 'X:' does not exist on hv-a."
    settings = TargetSettings({"prod": "production"}, {"default": "D:"}, OWNER, host="hv-z")
    assert refused(foreign(), settings).startswith("There is no host 'hv-z' behind the connection to hv-a")


# Making


def making(machine: VirtualMachine, **answers: Any) -> tuple[Any, VirtualMachine]:
    """Makes it; the host then tells of it as `answer` does."""
    made = answer(name=machine.name, notes=tags.text(OWNER), state="Off")
    session = told(**{"machines": [], "define": [ID], "identity": [0], "inventory": [made], **answers})
    return session, define.define(session, machine, SETTINGS)


def test_a_machine_is_made_under_a_working_name_and_named_last() -> None:
    session, found = making(foreign())
    assert found.name == "web"
    order = [name for name, _ in session.asked]
    assert order[order.index("define") :][:3] == ["define", "identity", "rename"]
    (given,) = session.given("define")
    assert given["workingName"] == define.working_name(OWNER)
    assert given["workingName"].startswith("drover-new-")
    assert tags.read(given["notes"]) == OWNER
    assert (given["generation"], given["version"], given["memory"], given["processors"]) == (2, "10.0", GIB, 2)
    assert given["disks"] == [
        {"path": f"{FOLDER}\\scsi0-0.vhdx", "size": 4 * GIB, "controller": "SCSI", "number": 0, "location": 0},
        {"path": f"{FOLDER}\\scsi0-1.vhdx", "size": GIB, "controller": "SCSI", "number": 0, "location": 1},
    ]
    assert given["controllers"] == [1]
    assert given["boot"] == [f"{FOLDER}\\scsi0-0.vhdx", "525400000001", f"{FOLDER}\\scsi0-1.vhdx"]
    assert given["dynamic"] is None
    assert session.given("identity") == [{"id": ID, "uuid": GUID.lower()}]
    assert session.given("rename") == [{"id": ID, "name": "web"}]


def test_what_only_hyper_v_knows_goes_along_between_its_hosts() -> None:
    adapters = answer()["adapters"]
    adapters[0] = adapters[0] | {"vlanMode": "Access", "vlan": 12}
    kept = {"startDelay": "90", "stopAction": "ShutDown", "checkpointType": "Standard"}
    services = [SHUTDOWN, SHUTDOWN | {"id": "Microsoft:1\\6c09bb55-d683-4da0-8931-c9bf705f6480", "enabled": False}]
    changes = {"adapters": adapters, "memoryDynamic": True, "secureBoot": "On", "state": "Off", "services": services}
    source = inventory.machine(told(inventory=[answer(**changes, **kept)]), "web")
    session, _ = making(source)
    (given,) = session.given("define")
    assert given["settings"] == kept | {"startDelay": 90}
    assert given["services"] == [
        {"kind": "9F8233AC-BE49-4C79-8EE3-E7E1985B2077", "enabled": True},
        {"kind": "6C09BB55-D683-4DA0-8931-C9BF705F6480", "enabled": False},
    ]
    assert given["dynamic"] == {"minimum": GIB // 2, "maximum": 2 * GIB}
    assert given["template"] == "MicrosoftWindows"
    assert given["compatibility"] is True
    assert given["adapters"][0]["vlan"] == 12
    assert given["notes"].startswith("the shop's\nfront end\n")


def test_of_another_kind_of_machine_the_host_decides() -> None:
    session, _ = making(foreign())
    (given,) = session.given("define")
    assert (given["settings"], given["services"]) == (None, [])


def test_a_host_that_is_too_old_is_refused_by_the_plan() -> None:
    older = [told().answers["host"][0] | {"version": "6.3.9600"}]
    assert refused(foreign(), host=older) == (
        "Windows on hv-a is 6.3.9600; Drover needs Windows Server 2016 (10.0.14393) or newer there."
    )


def test_one_of_ours_that_cannot_be_read_is_no_machine_that_is_whole() -> None:
    """And its name and UUID are its own all the same."""
    facts = ("id", "biosGuid", "name", "host", "state", "generation", "processors", "memory", "startAction")
    broken = {name: answer()[name] for name in facts} | {"notes": tags.text(OWNER), "problem": "It broke."}
    for problem, notes, name in (("cannot be read: It broke", tags.text(OWNER), "web"), ("has the UUID", "", "other")):
        session = told(inventory=[broken | {"notes": notes, "name": name}])
        with pytest.raises(OperatorNeededError, match=problem):
            define.define(session, foreign(), SETTINGS)
        assert session.given("define") == []


def test_names_are_data_to_every_order() -> None:
    for name in ("'; Stop-Computer #", "$(id)", "a`b", "two\nlines", "..\\..\\x", "[a]*", "Müller's – 🐑"):
        session, found = making(foreign(name=name))
        assert found.name == name
        (given,) = session.given("define")
        assert given["folder"].startswith("D:\\Hyper-V\\Disks\\drover-")
        assert not set(given["folder"].removeprefix("D:\\")) & set("'$`\n[]*;#()/:")
        assert ".." not in given["folder"].split("\\")
        assert session.given("rename") == [{"id": ID, "name": name}]


def test_what_an_earlier_try_made_is_kept() -> None:
    made = answer(notes=tags.text(OWNER), state="Off")
    session = told(inventory=[made])
    assert define.define(session, foreign(), SETTINGS).id == ID
    assert session.given("define") == []


@pytest.mark.parametrize(("changes", "what"), [({}, "name"), ({"name": "other"}, "UUID")])
def test_what_drover_did_not_make_is_left_alone(changes: dict[str, Any], what: str) -> None:
    session = told(inventory=[answer(**changes)])
    with pytest.raises(OperatorNeededError) as caught:
        define.define(session, foreign(), SETTINGS)
    name = changes.get("name", "web")
    assert caught.value.message == (
        f"Machine '{name}' on hv-a already has the {what} of machine 'web', and this move did not make it."
    )
    assert session.given("define") == []


def test_a_volume_that_is_too_full_is_refused_before_anything_is_made() -> None:
    volumes = [{"path": "D:\\", "label": "", "capacity": str(9 * GIB), "free": str(GIB)}]
    session = told(inventory=[], volumes=volumes)
    with pytest.raises(OperatorNeededError) as caught:
        define.define(session, foreign(), SETTINGS)
    assert caught.value.message == f"The storage 'D:' on hv-a is too full: {5 * GIB} bytes are needed, {GIB} are free."
    assert session.given("define") == []


def test_a_uuid_that_is_not_taken_is_told() -> None:
    with pytest.raises(OperatorNeededError, match="does not give machine 'web' the UUID .* \\(it says 32773\\)"):
        making(foreign(), identity=[32773])


# Removing


def test_only_our_own_is_removed_with_the_disks_that_lie_where_we_put_them() -> None:
    mine = DISK | {"path": f"{FOLDER}\\scsi0-0.vhdx"}
    foreign_disk = DISK | {"path": "D:\\data\\payroll.vhdx", "location": 1}
    session = told(inventory=[answer(notes=tags.text(OWNER), state="Off", disks=[mine, foreign_disk])])
    define.remove(session, "web", OWNER)
    assert session.given("remove") == [{"id": ID, "disks": [f"{FOLDER}\\scsi0-0.vhdx"]}]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "Off"}, "Machine 'web' on hv-a was not made by this move, so it is not removed."),
        (
            {"notes": tags.text(Ownership("wave", "run", "web", GUID.lower(), "started")), "state": "Off"},
            "Machine 'web' on hv-a was not made by this move, so it is not removed.",
        ),
        ({"notes": tags.text(OWNER)}, "Machine 'web' on hv-a is not off, so it is not removed."),
    ],
)
def test_nothing_else_is_removed(changes: dict[str, Any], sentence: str) -> None:
    session = told(inventory=[answer(**changes)])
    with pytest.raises(OperatorNeededError) as caught:
        define.remove(session, "web", OWNER)
    assert caught.value.message == sentence
    assert session.given("remove") == []


def test_removing_what_is_not_there_does_nothing() -> None:
    session = told(machines=[])
    define.remove(session, "web", OWNER)
    assert {name for name, _ in session.asked} == {"machines"}


def test_the_count_of_cpus_is_kept() -> None:
    assert translate.translated(told(), foreign(cpu=Cpu(count=6, sockets=2, cores=3)), SETTINGS).cpu.count == 6
