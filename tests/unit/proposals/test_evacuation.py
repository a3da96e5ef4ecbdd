"""A host's machines become a wave: what goes, where to and why, and every refusal in words."""

import json
from dataclasses import replace
from typing import Any

import pytest

from drover.concerns.preflight import HostFacts
from drover.errors import BadInputError, OperatorNeededError
from drover.model import (
    Cpu,
    Disk,
    DiskFormat,
    Firmware,
    Host,
    Nic,
    Ownership,
    PowerState,
    StoragePool,
    Strategy,
    VirtualMachine,
)
from drover.proposals.evacuation import MOST, Asked, Evacuation, evacuate
from drover.waves.loader import parse

GIB = 2**30
MAPPED = {"networks": {"lan": "lan"}, "storage": {"default": "fast"}}


def machine(name: str, memory: int = 4, disk: int = 10, **changes: Any) -> VirtualMachine:
    values: dict[str, Any] = {
        "name": name,
        "uuid": f"uuid-{name}",
        "hypervisor": "libvirt",
        "host": "kvm-a",
        "state": PowerState.RUNNING,
        "cpu": Cpu(2),
        "memory": memory * GIB,
        "firmware": Firmware.BIOS,
        "disks": (Disk("vda", f"/d/{name}", "default", DiskFormat.QCOW2, disk * GIB, 0, "virtio"),),
        "nics": (Nic("52:54:00:00:00:01", "lan", "virtio"),),
        "autostart": True,
    }
    return VirtualMachine(**(values | changes))


def host(name: str, memory: int = 64, free: int = 64, cpus: int = 16, kind: str = "libvirt", **changes: Any) -> Host:
    return Host(name, kind, "1", cpus, None, memory * GIB, free * GIB, 0.0, **changes)


def facts(*hosts: Host, machines: tuple[VirtualMachine, ...] = (), space: int = 1000, along: Any = False) -> HostFacts:
    pools = tuple(StoragePool(name, "/", True, space * GIB, space * GIB) for name in ("default", "fast"))
    return HostFacts(hosts[0], (0.0, 0.0), machines, (), pools, hosts, along)


def run(*machines: VirtualMachine, source: HostFacts | None = None, name: str = "kvm-a", **answers: Any) -> Evacuation:
    targets = answers.pop("to", {"b": facts(host("kvm-b"))})
    keys = {"mappings": answers.pop("mappings", MAPPED), "backup": {"folder": "/backups"}}
    asked = Asked(
        source="a",
        host=name,
        targets=tuple(targets),
        reason=answers.pop("reason", "maintenance"),
        prefer=answers.pop("prefer", Strategy.LIVE),
        keys=keys,
        checks=answers.pop("checks", {}),
        changing=answers.pop("changing", ()),
    )
    return evacuate(asked, source or facts(host("kvm-a"), machines=machines), targets)


def plans(found: Evacuation) -> list[tuple[str, str, str | None, str | None]]:
    wave = parse(found.wave)
    return [(one.name, one.strategy.value, one.target, one.mappings.host) for one in wave.machines]


def test_what_runs_goes_live_and_what_is_off_goes_cold() -> None:
    found = run(machine("web"), machine("db", state=PowerState.OFF), machine("old", snapshots=("one",)))
    assert plans(found) == [("old", "cold", "b", None), ("web", "live", "b", None), ("db", "cold", "b", None)]
    assert parse(found.wave).reason == "maintenance"
    assert found.machines == ("old", "web", "db")
    assert {strategy for _, strategy, _, _ in plans(run(machine("web"), prefer=Strategy.COLD))} == {"cold"}
    assert plans(run(machine("web"), to={"b": facts(host("esx", kind="vsphere"))}))[0][1] == "cold"


def test_the_largest_choose_first_and_each_goes_where_most_stays_free() -> None:
    to = {"b": facts(host("kvm-b", memory=64, free=20)), "c": facts(host("kvm-c", memory=64, free=40))}
    found = run(machine("small", 4), machine("large", 30), machine("middle", 15), to=to)
    assert [(name, target) for name, _, target, _ in plans(found)] == [("large", "c"), ("middle", "b"), ("small", "c")]
    assert found.placed[0].why == (
        "kvm-c (c): the only one of 2 hosts that it fits on; 10.0 GiB of 64.0 GiB of memory stay free there"
    )


def test_behind_one_manager_machines_move_while_they_run_and_take_no_storage() -> None:
    esx = (
        host("esx-1", kind="vsphere"),
        host("esx-2", kind="vsphere"),
        host("esx-3", kind="vsphere", in_maintenance=True),
    )
    source = facts(*esx, machines=(machine("web", host="esx-1"), machine("far", host="esx-2")), space=0, along=True)
    mapped = {"networks": {"lan": "lan"}, "storage": {"default": "default"}}
    found = run(source=source, name="esx-1", to={"a": source}, mappings=mapped, prefer=Strategy.COLD)
    assert plans(found) == [("web", "live", "a", "esx-2")]


def test_what_is_off_stays_behind_one_manager_for_want_of_a_way() -> None:
    esx = (host("esx-1", kind="vsphere"), host("esx-2", kind="vsphere"))
    source = facts(*esx, machines=(machine("web", host="esx-1", state=PowerState.OFF),), along=True)
    with pytest.raises(
        OperatorNeededError, match="esx-2 .a. is behind the same connection, where a machine only moves"
    ):
        run(source=source, name="esx-1", to={"a": source})


def test_a_whole_site_is_every_host_behind_the_connection() -> None:
    source = facts(host("h1"), host("h2"), machines=(machine("one", host="h1"), machine("two", host="h2")))
    assert run(source=source, name="", reason="closing").machines == ("one", "two")


def test_templates_and_what_earlier_waves_left_stay_and_are_told() -> None:
    left = machine("left", state=PowerState.OFF, ownership=Ownership("w", "r", "left", "uuid-left", "migrated"))
    coming = machine("coming", ownership=Ownership("w", "r", "coming", "uuid-coming", "started"))
    back = machine("back", ownership=Ownership("w", "r", "back", "uuid-back", "returned"))
    found = run(machine("web"), machine("gold", template=True), left, coming, back)
    assert found.machines == ("back", "web")
    assert found.stay == {
        "gold": "it is a template, which never runs",
        "left": "an earlier wave left it behind, on purpose",
        "coming": "another move to here has not ended",
    }
    with pytest.raises(OperatorNeededError, match=r"no machine on host 'kvm-a' .* 'left' stays: an earlier wave"):
        run(left)


@pytest.mark.parametrize(
    ("to", "lacks"),
    [
        ({"b": facts(host("kvm-b", free=3))}, "kvm-b (b) has 3.0 GiB of memory left."),
        ({"b": facts(host("kvm-b", cpus=1))}, "kvm-b (b) has 1 CPUs, and the machine 2."),
        ({"b": facts(host("kvm-b"), space=9)}, "kvm-b (b) has 9.0 GiB left in the storage pool 'fast'."),
        ({"b": replace(facts(host("kvm-b")), pools=())}, "kvm-b (b) has no storage pool 'fast' that is active."),
        ({"b": facts(host("kvm-b", in_maintenance=True))}, "kvm-b (b) is in maintenance."),
        ({"a": facts(host("kvm-a"))}, "There is no other host."),
    ],
)
def test_no_room_is_told_with_what_each_host_lacks(to: dict[str, HostFacts], lacks: str) -> None:
    with pytest.raises(OperatorNeededError) as raised:
        run(machine("web"), to=to)
    assert "There is no room for machine 'web' (4.0 GiB of memory, 10.0 GiB of disks): " in raised.value.message
    assert raised.value.message.endswith(lacks)


def test_a_host_without_machines_is_told_as_that() -> None:
    with pytest.raises(OperatorNeededError) as raised:
        run()
    said = "There is no machine on host 'kvm-a' that could be moved. Nothing is to be done there."
    assert str(raised.value) == said


def test_one_machine_that_cannot_go_is_named_with_what_to_do_about_it_and_none_goes() -> None:
    with pytest.raises(OperatorNeededError, match=r"no room for machine 'wide'.*, or move it by itself first\.$"):
        run(machine("web"), machine("wide", cpu=Cpu(99)))


def test_a_host_in_maintenance_gets_none() -> None:
    found = run(machine("web"), to={"b": facts(host("b1", in_maintenance=True), host("b2", free=9))})
    assert plans(found) == [("web", "live", "b", "b2")]


def test_room_is_not_given_twice() -> None:
    with pytest.raises(OperatorNeededError, match="no room for machine 'two'"):
        run(machine("one", 4), machine("two", 4), to={"b": facts(host("kvm-b", free=7))})
    with pytest.raises(OperatorNeededError, match="no room for machine 'two'"):
        run(machine("one", disk=10), machine("two", disk=10), to={"b": facts(host("b1"), host("b2"), space=15)})


def test_what_is_not_mapped_is_told_all_at_once() -> None:
    with pytest.raises(BadInputError, match="Not mapped: network 'lan', storage pool 'default'"):
        run(machine("web"), mappings={"networks": {}, "storage": {}})


def test_a_host_that_there_is_not_and_too_many_machines() -> None:
    with pytest.raises(BadInputError, match="no host 'kvm-x' behind the connection 'a'.* There are: kvm-a"):
        run(machine("web"), name="kvm-x")
    with pytest.raises(BadInputError, match=f"more than {MOST}"):
        run(*(machine(f"m{number}") for number in range(MOST + 1)))


def test_files_that_change_are_named_for_those_that_move_while_they_run() -> None:
    found = run(machine("web"), machine("db", state=PowerState.OFF), changing=("/var/log/**",))
    wave = parse(found.wave)
    assert {each.name: each.guest_files.changing for each in wave.machines} == {"web": ("/var/log/**",), "db": ()}


def test_names_stay_names_and_checks_reach_their_machine() -> None:
    name = 'it\'s {{ 7 * 7 }} "Köln"'
    found = run(machine(name), checks={name: [{"tcp": {"address": "10.0.0.1", "port": 80}}]})
    wave = parse(found.wave)
    assert wave.machines[0].name == name
    assert len(wave.machines[0].checks) == 1
    assert json.loads(found.wave)["wave"] == "evacuate_host"
