"""What the inventory of a vCenter tells beyond devices, as the concerns that a plan raises of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from test_vsphere_unmovable import NAME, concerns, setting
from vcenter_process import VCenter, make_machine

from drover.hypervisors.vsphere import inventory, tasks
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.model import Category, Ownership


@pytest.fixture
def made(hypervisor: VsphereHypervisor) -> Iterator[Callable[..., Any]]:
    machines: list[Any] = []

    def make(name: str = NAME, **config: Any) -> Any:
        machines.append(make_machine(hypervisor.session, name, **config))
        return machines[-1]

    yield make
    for machine in machines:
        tasks.wait(hypervisor.session, machine.Destroy_Task(), "cleaning up", deadline=30)


def affinity(*numbers: int) -> Any:
    from pyVmomi import vim

    return vim.vm.AffinityInfo(affinitySet=list(numbers))


def allocation(reservation: int = 0, limit: int = -1, level: str = "normal") -> Any:
    from pyVmomi import vim

    return vim.ResourceAllocationInfo(
        reservation=reservation, limit=limit, shares=vim.SharesInfo(level=level, shares=2000)
    )


CASES: dict[str, tuple[Callable[[], dict[str, Any]], str, str]] = {
    "CPU affinity": (lambda: {"cpuAffinity": affinity(0, 3)}, "cpu.pinning", "(cpu-pinning 0,3)"),
    "memory affinity": (lambda: {"memoryAffinity": affinity(1)}, "cpu.pinning", "(numa-nodes 1)"),
    "NUMA affinity": (
        lambda: {"extraConfig": [setting("numa.nodeAffinity", "0,1")]},
        "cpu.pinning",
        "(numa-nodes 0,1)",
    ),
    "hotplug": (
        lambda: {"cpuHotAddEnabled": True, "memoryHotAddEnabled": True},
        "machine.hotplug",
        "lets cpu and memory be added",
    ),
    "nested machines": (
        lambda: {"nestedHVEnabled": True},
        "cpu.nested",
        "has the processor's virtualization extensions",
    ),
    "CPU share": (
        lambda: {"cpuAllocation": allocation(reservation=500, limit=1000, level="high")},
        "machine.resources",
        f"Machine '{NAME}' has its own share of its host (cpu limit 1000 MHz, cpu reservation 500 MHz, cpu shares high)"
        ". It stays behind: at the target it competes with others like any other machine.",
    ),
    "memory share": (
        lambda: {"memoryAllocation": allocation(limit=32)},
        "machine.resources",
        "(memory limit 32 MB)",
    ),
    "system": (lambda: {"guestId": "netware6Guest"}, "guest.system", "libvirt is not made for that system"),
    "notes": (lambda: {"annotation": "domain controller of site a"}, "guest.domain_controller", "looks like"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_plan_says_it(hypervisor: VsphereHypervisor, made: Callable[..., Any], case: str) -> None:
    config, concern, words = CASES[case]
    made(**({"guestId": "windows9Server64Guest"} | config()))
    found = concerns(hypervisor)[concern]
    assert found.category is Category.WARNING
    assert words in found.assessment


def test_nothing_of_it_is_said_of_a_machine_that_has_none(
    hypervisor: VsphereHypervisor, made: Callable[..., Any]
) -> None:
    made(guestId="debian12_64Guest")
    assert {concern for _, concern, _ in CASES.values()}.isdisjoint(concerns(hypervisor))


def test_attributes_that_people_filled_in_are_told_and_ours_is_not(
    vcenter: VCenter, hypervisor: VsphereHypervisor, made: Callable[..., Any]
) -> None:
    from pyVmomi import vim

    machine, manager = made(), hypervisor.session.content.customFieldsManager
    field = manager.AddCustomFieldDef("cost center", vim.VirtualMachine, None, None)
    try:
        hypervisor.tag(NAME, Ownership("w", "r", "m", "0", "target"))
        with VsphereHypervisor(vcenter.spec()) as fresh:
            assert "translation.notes" not in concerns(fresh)
            manager.SetField(machine, field.key, "42 <&>")
            found = concerns(fresh)["translation.notes"]
        assert found.category is Category.INFORMATION
        assert f"Machine '{NAME}' has custom attributes that are filled in (cost center)." in found.assessment
    finally:
        manager.RemoveCustomFieldDef(field.key)


def test_a_rule_that_ties_a_group_of_machines_to_hosts_is_told_of_each(
    vcenter: VCenter, hypervisor: VsphereHypervisor, made: Callable[..., Any]
) -> None:
    from pyVmomi import vim

    machine, other = made(), made("another one")
    cluster = hypervisor.session.content.rootFolder.childEntity[0].hostFolder.childEntity[0]
    groups = [
        vim.cluster.GroupSpec(operation="add", info=vim.cluster.VmGroup(name="licensed", vm=[machine])),
        vim.cluster.GroupSpec(operation="add", info=vim.cluster.HostGroup(name="two", host=[cluster.host[0]])),
    ]
    rule = vim.cluster.VmHostRuleInfo(name="stay", enabled=True, vmGroupName="licensed", affineHostGroupName="two")
    apart = vim.cluster.AntiAffinityRuleSpec(name="apart", enabled=True, vm=[machine, other])
    rules = [vim.cluster.RuleSpec(operation="add", info=info) for info in (rule, apart)]
    spec = vim.cluster.ConfigSpecEx(groupSpec=groups, rulesSpec=rules)
    tasks.wait(hypervisor.session, cluster.ReconfigureComputeResource_Task(spec, True), "rules", deadline=30)
    try:
        with VsphereHypervisor(vcenter.spec()) as fresh:
            words = {one.name: one.devices for one in inventory.machines(fresh.session)}
        assert words[NAME] == ("cluster-rule apart", "cluster-rule stay")
        assert words["another one"] == ("cluster-rule apart",)
    finally:
        made_groups = [vim.cluster.GroupSpec(operation="remove", removeKey=name) for name in ("licensed", "two")]
        known = {one.name: one.key for one in cluster.configurationEx.rule}
        gone = [vim.cluster.RuleSpec(operation="remove", removeKey=known[name]) for name in ("stay", "apart")]
        spec = vim.cluster.ConfigSpecEx(groupSpec=made_groups, rulesSpec=gone)
        tasks.wait(hypervisor.session, cluster.ReconfigureComputeResource_Task(spec, True), "rules", deadline=30)


def test_what_the_tools_say_of_an_adapter_is_its_address() -> None:
    from xml.etree import ElementTree

    from drover.model import Nic

    told = ElementTree.fromstring(
        '<net xmlns="urn:vim25">'
        "<GuestNicInfo><macAddress>00:50:56:3F:00:01</macAddress><ipAddress>192.0.2.7</ipAddress>"
        "<ipAddress>fe80::1</ipAddress></GuestNicInfo>"
        "<GuestNicInfo><macAddress>00:50:56:3f:00:02</macAddress></GuestNicInfo></net>"
    )
    nics = [Nic(f"00:50:56:3f:00:0{number}", "production", "vmxnet3") for number in (1, 2, 3)]
    found = list(inventory._with_addresses(nics, list(told)))
    assert [(nic.address, nic.more_addresses) for nic in found] == [("192.0.2.7", ("fe80::1",)), (None, ()), (None, ())]
