from dataclasses import replace

from factory import CRITICAL, categories, host, machine, preflight

from drover.concerns import same_host as concern


def test_two_hosts_are_no_concern():
    assert categories(concern, preflight()) == []


def test_one_host_twice_blocks():
    assert categories(concern, preflight(target=host(name="kvm-a"))) == [CRITICAL]


VCENTER = host(name="vc-a", hypervisor="vsphere")
GUEST = machine(hypervisor="vsphere", host="esx-a1")


def inside(source=GUEST, place="esx-a2", here=VCENTER, **changes):
    """Both ends are one connection, as the loader lets through for a live move that names its host."""
    usual = {
        "live": True,
        "target": here,
        "source_host": here,
        "target_machines": (source,) if source else (),
        "plan": {"mappings": {"host": place}},
        "target_id": "a",
    }
    return preflight(source, **usual | changes)


def test_a_live_move_from_host_to_host_behind_one_vcenter_is_no_concern():
    assert categories(concern, inside()) == []


def test_a_move_to_where_the_machine_is_blocks():
    assert categories(concern, inside(place="esx-a1")) == [CRITICAL]


def test_only_its_disks_may_move_to_another_datastore():
    elsewhere = {"host": "esx-a1", "storage": {"default": "fast"}}
    assert categories(concern, inside(plan={"mappings": elsewhere})) == []
    named = replace(VCENTER, id="50-aa")
    nowhere = {"mappings": elsewhere | {"host": None}}
    assert categories(concern, inside(here=named, target_id="b", plan=nowhere)) == [CRITICAL]


def test_one_vcenter_is_known_by_whatever_name_it_is_reached():
    one, other = replace(VCENTER, id="50-aa"), replace(VCENTER, name="vc.example.org", id="50-aa")
    assert categories(concern, inside(here=one, target=other, target_id="b")) == []
    assert categories(concern, inside(here=one, target=other, target_id="b", place="esx-a1")) == [CRITICAL]
    cold = preflight(GUEST, target=other, source_host=one)
    assert categories(concern, cold) == [CRITICAL]
    grown = replace(GUEST, disks=tuple(replace(disk, allocated=disk.allocated + 1) for disk in GUEST.disks))
    seen = inside(here=one, target=other, target_id="b", target_machines=(grown,))
    assert seen.target_machines == ()


def test_a_kind_without_a_manager_has_one_host_only():
    assert categories(concern, inside(here=host(name="kvm-a"))) == [CRITICAL]


def test_the_machine_itself_does_not_take_its_own_name_behind_one_vcenter():
    from drover.concerns import mac_clash, name_taken, uuid_taken

    for module in (mac_clash, name_taken, uuid_taken):
        assert categories(module, inside()) == []
