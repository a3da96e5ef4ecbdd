"""Making and removing machines: only ever what this move made."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from kvm_hosts import FOLDER, definition, settings_for

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt.files import nvram_file
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
from drover.hypervisors.port import TargetSettings
from drover.model import PowerState, VirtualMachine

pytestmark = pytest.mark.lab
Make = Callable[..., VirtualMachine]


def files(hypervisor: LibvirtHypervisor) -> set[str]:
    """Paths of everything in the pool and among the UEFI variables."""
    out = hypervisor.connection.ssh.check(["find", FOLDER, "/var/lib/libvirt/qemu/nvram", "-type", "f", "-print0"])
    return set(out.decode().split("\0")) - {""}


def test_defined_machine_is_the_source_with_new_places(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    settings = settings_for(machine)
    made = b.define(machine, settings)
    assert (made.name, made.uuid, made.memory, made.cpu) == (machine.name, machine.uuid, machine.memory, machine.cpu)
    assert (made.state, made.autostart, made.ownership) == (PowerState.OFF, False, settings.owner)
    assert [(d.name, d.size, d.format, d.bus) for d in made.disks] == [
        (d.name, d.size, d.format, d.bus) for d in machine.disks
    ]
    assert [(n.mac, n.network, n.model) for n in made.nics] == [(n.mac, n.network, n.model) for n in machine.nics]
    assert files(b) == {disk.path for disk in made.disks}


def test_define_again_finds_what_is_there_and_mends_what_is_missing(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    settings = settings_for(machine)
    made = b.define(machine, settings)
    b.connection.ssh.check(["rm", made.disks[1].path])
    later = replace(settings, owner=replace(settings.owner, run="run-2"))
    again = b.define(machine, later)
    assert again.disks == made.disks
    assert again.ownership == settings.owner, "what an earlier try made is kept as it is"


def test_define_refuses_a_disk_of_the_wrong_size(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    made = b.define(machine, settings_for(machine))
    b.connection.ssh.check(["truncate", "-s", "1M", made.disks[1].path])
    with pytest.raises(OperatorNeededError, match="has 1048576 bytes, but disk vdb has 8388608 bytes"):
        b.define(machine, settings_for(machine))


@pytest.mark.parametrize("taken", ["name", "UUID"])
def test_define_refuses_a_foreign_machine(b: LibvirtHypervisor, make: Make, taken: str) -> None:
    machine = make()
    foreign = definition(machine.name if taken == "name" else "foreign")
    if taken == "UUID":
        foreign = foreign.replace("</name>", f"</name><uuid>{machine.uuid}</uuid>")
    b.connection.libvirt.defineXML(foreign)
    before = [m.native for m in b.machines()]
    with pytest.raises(OperatorNeededError, match=f"already has the {taken} of machine"):
        b.define(machine, settings_for(machine))
    assert [m.native for m in b.machines()] == before
    assert files(b) == set()


def test_define_refuses_another_waves_machine(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    b.define(machine, settings_for(machine, wave="other"))
    with pytest.raises(OperatorNeededError, match="this move did not make it"):
        b.define(machine, settings_for(machine))


def test_define_refuses_a_foreign_file(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    path = b.define(machine, settings_for(machine)).disks[0].path
    b.remove(machine.name, settings_for(machine).owner)
    b.connection.ssh.check(["sh", "-c", 'echo precious >"$1"', "sh", path])
    with pytest.raises(OperatorNeededError, match="exists already, and this move did not make it"):
        b.define(machine, settings_for(machine))
    assert b.connection.ssh.check(["cat", path]) == b"precious\n"
    assert b.find(machine.name) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"networks": {}}, "on network 'production', which is not mapped"),
        ({"networks": {"production": "nowhere"}}, "network 'nowhere' does not exist on kvm-b"),
        ({"storage": {}}, "lies in pool 'default', which is not mapped"),
        ({"storage": {"default": "nowhere"}}, "storage pool 'nowhere' does not exist on kvm-b"),
    ],
)
def test_define_refuses_what_is_not_mapped(
    b: LibvirtHypervisor, make: Make, change: dict[str, dict[str, str]], message: str
) -> None:
    machine = make()
    values = {"networks": {"production": "production"}, "storage": {"default": "default"}, **change}
    with pytest.raises(OperatorNeededError, match=message):
        b.define(machine, TargetSettings(owner=settings_for(machine).owner, **values))
    assert b.machines() == []


def test_full_pool_is_told_with_numbers(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    big = replace(machine, disks=(replace(machine.disks[0], allocated=1 << 30), machine.disks[1]))
    with pytest.raises(
        OperatorNeededError, match=r"'small' on kvm-b is too full: 10\d+ bytes are needed, \d+ are free"
    ):
        b.define(big, settings_for(machine, pool="small"))
    assert b.machines() == []


def test_remove_takes_its_own_and_nothing_else(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    owner = settings_for(machine).owner
    made = b.define(machine, settings_for(machine))
    neighbour = made.disks[0].path + ".neighbour"
    b.connection.ssh.check(["touch", neighbour])
    for stranger in (replace(owner, wave="other"), replace(owner, source_uuid="0"), replace(owner, machine="x")):
        with pytest.raises(OperatorNeededError, match="was not made by this move, so it is not removed"):
            b.remove(machine.name, stranger)
    for role in ("committed", "migrated", "kept"):
        b.tag(machine.name, replace(owner, role=role))
        assert b.machine(machine.name).ownership == replace(owner, role=role)
        with pytest.raises(OperatorNeededError, match="was not made by this move"):
            b.remove(machine.name, owner)
    b.tag(machine.name, owner)
    b.power_on(machine.name)
    with pytest.raises(OperatorNeededError, match="is not off"):
        b.remove(machine.name, owner)
    b.power_off(machine.name)
    b.remove(machine.name, owner)
    b.remove(machine.name, owner)
    assert b.machines() == []
    assert files(b) == {neighbour}


def test_remove_keeps_a_disk_that_someone_attached_since(b: LibvirtHypervisor, make: Make) -> None:
    machine = make()
    made = b.define(machine, settings_for(machine))
    foreign = f"{FOLDER}/precious.img"
    b.connection.ssh.check(["truncate", "-s", "1M", foreign])
    native = b.connection.domain(machine.name).XMLDesc(0)
    path = native.split("<source file='")[2].split("'")[0]
    b.connection.libvirt.defineXML(native.replace(path, foreign))
    b.remove(machine.name, settings_for(machine).owner)
    assert files(b) == {foreign, made.disks[1].path}


def test_uefi_variables_move_along(a: LibvirtHypervisor, b: LibvirtHypervisor, make: Make) -> None:
    make(uefi=True)
    name = a.machines()[0].name
    a.power_on(name)
    a.power_off(name)
    mark = b"Drover was here"
    source = f"/var/lib/libvirt/qemu/nvram/{name}_VARS.fd"
    a.connection.ssh.check(["dd", f"of={source}", "bs=1", "seek=400000", "conv=notrunc"], stdin=mark)
    machine = a.machine(name)
    b.define(machine, settings_for(machine))
    content = b.connection.ssh.check(["cat", nvram_file(name)])
    assert content == a.connection.ssh.check(["cat", source])
    assert mark in content
    b.power_on(name)
    b.power_off(name)
    assert mark in b.connection.ssh.check(["cat", nvram_file(name)]), "QEMU uses the file that was brought"
    b.remove(name, settings_for(machine).owner)
    assert files(b) == set()
