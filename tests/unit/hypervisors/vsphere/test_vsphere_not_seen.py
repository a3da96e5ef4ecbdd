"""What a vCenter does not show its user is not taken for what is not there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from vcenter_process import VCenter

from drover.hypervisors.vsphere import inventory, site, surroundings
from drover.hypervisors.vsphere.collector import Found, retrieve
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor

Hide = Callable[[Any, str, str], None]


@pytest.fixture
def hide(monkeypatch: pytest.MonkeyPatch) -> Hide:
    """Takes a property out of a real vCenter's answers, as a vCenter does for a user without the right to it."""

    def apply(module: Any, kind: str, path: str) -> None:
        def seen(*args: Any) -> Iterator[Found]:
            for found in retrieve(*args):
                rest = {known: node for known, node in found.properties.items() if known != path}
                hidden = {**found.missing, path: "NoPermission"}
                yield replace(found, properties=rest, missing=hidden) if found.kind == kind else found

        monkeypatch.setattr(module, "retrieve", seen)

    return apply


@pytest.fixture
def fresh(vcenter: VCenter) -> Iterator[VsphereHypervisor]:
    with VsphereHypervisor(vcenter.spec()) as opened:
        yield opened


@pytest.mark.parametrize("path", inventory._PATHS)
def test_each_property_of_a_machine_is_told_by_its_name(fresh: VsphereHypervisor, hide: Hide, path: str) -> None:
    hide(inventory, "VirtualMachine", path)
    assert all(f"unreadable {path} (NoPermission)" in one.devices for one in fresh.machines())


@pytest.mark.parametrize("path", surroundings._RULES)
def test_rules_of_a_cluster_are_not_known_then(fresh: VsphereHypervisor, hide: Hide, path: str) -> None:
    def words() -> list[tuple[str, ...]]:
        """Of those that no test has made."""
        return [one.devices for one in fresh.machines() if one.name.startswith("stand-in")]

    assert words() == [()] * 3
    fresh.session.memory.clear()
    hide(surroundings, "ClusterComputeResource", path)
    assert words() == [("cluster-unreadable cluster-t",)] * 3


def test_free_memory_is_not_all_of_it_then(fresh: VsphereHypervisor, hide: Hide) -> None:
    assert fresh.host().memory_free > 0
    hide(site, "HostSystem", "summary.quickStats.overallMemoryUsage")
    assert fresh.host().memory_free == -1
    assert {one.memory_free for one in fresh.hosts()} == {-1}


def test_a_host_that_does_not_say_that_it_takes_machines_counts_as_one_that_does_not(
    fresh: VsphereHypervisor, hide: Hide
) -> None:
    assert not fresh.host().in_maintenance
    hide(site, "HostSystem", "runtime.inMaintenanceMode")
    assert fresh.host().in_maintenance
    assert all(one.in_maintenance for one in fresh.hosts())
