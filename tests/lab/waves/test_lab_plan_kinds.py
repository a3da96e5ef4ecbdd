"""Concerns as vCenters and Hyper-V hosts raise them, and between hypervisors of two kinds."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import plants
import plants_hyperv
import plants_vcenter
import pytest

from drover_lab.lab import Lab
from drover_lab.vcenter import machines as vcenter

pytestmark = pytest.mark.lab

WriteWave = Callable[..., Path]
FROM_VCENTER = {
    "networks": {"VM Network": "production"},
    "storage": {"datastore1": "default"},
    "test_network": "isolated",
}
FROM_HYPERV = {"networks": {"production": "production"}, "storage": {"D:": "default"}, "test_network": "isolated"}
TO_VCENTER = {
    "networks": {"production": "VM Network"},
    "storage": {"default": "datastore1"},
    "test_network": "isolated",
}
SAME = {"networks": {}, "storage": {"datastore1": "datastore1"}, "test_network": "isolated"}


@pytest.fixture(scope="session")
def on_vcenter(lab: Lab) -> None:
    plants_vcenter.plant(lab)


@pytest.fixture(scope="session")
def on_hyperv(lab: Lab) -> None:
    plants_hyperv.plant(lab)


def cold(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "strategy": "cold"} for name in names]


def missing(report: dict[str, Any], expected: dict[str, set[str]]) -> dict[str, set[str]]:
    """What was planted and not found, by machine."""
    found = {machine["name"]: {one["id"] for one in machine["concerns"]} for machine in report["machines"]}
    assert found.keys() == expected.keys()
    return {name: left for name, ids in expected.items() if (left := ids - found[name])}


def critical(report: dict[str, Any], name: str) -> set[str]:
    (found,) = [machine for machine in report["machines"] if machine["name"] == name]
    return {one["id"] for one in found["concerns"] if one["category"] == "Critical"}


def test_what_a_vcenter_says_of_its_machines(on_vcenter: None, plan: Any, wave: WriteWave) -> None:
    expected = {name: ids for name, (_, ids) in (plants_vcenter.COLD | plants_vcenter.AWAKE).items()}
    expected["vc fine"] = expected["vc fine"] | {"connection.certificate"}
    _, report = plan(wave(cold(*expected), source="lab_vc_trusting", mappings=FROM_VCENTER))
    assert missing(report, expected) == {}
    assert critical(report, "vc fine") == set()


def test_what_a_hyperv_host_says_of_its_machines(on_hyperv: None, plan: Any, wave: WriteWave) -> None:
    expected = {name: ids for name, (*_, ids) in plants_hyperv.PLANTS.items()}
    expected["hv fine"] = expected["hv fine"] | {"connection.smb_unencrypted"}
    _, report = plan(wave(cold(*expected), source="lab_hv_open", mappings=FROM_HYPERV))
    assert missing(report, expected) == {}
    # An adapter has two addresses, and the second is the other machine's second too.
    for name in ("hv addressed", "hv addressed too"):
        assert "target.address_clash" in critical(report, name)
    assert critical(report, "hv fine") == {"device.not_asked"}


def test_a_hyperv_host_whose_disks_cannot_be_reached(on_hyperv: None, plan: Any, wave: WriteWave) -> None:
    _, report = plan(wave(cold("hv fine"), source="lab_hv_closed", mappings=FROM_HYPERV))
    assert critical(report, "hv fine") == {"device.not_asked", "disk.unreachable"}


def test_what_a_vcenter_says_of_a_live_move(on_vcenter: None, plan: Any, wave: WriteWave) -> None:
    expected = {name: ids for name, (_, ids) in plants_vcenter.LIVE.items()}
    machines = [{"name": name, "strategy": "live"} for name in expected]
    _, report = plan(wave(machines, source="lab_vc_a", target="lab_vc_b", mappings=SAME))
    assert missing(report, expected) == {}


@pytest.fixture
def in_maintenance(lab: Lab) -> Iterator[None]:
    with vcenter.session(lab.topology, lab.topology.host("vc-b")) as instance:
        hosts = instance.content.rootFolder.childEntity[0].hostFolder.childEntity[0].host
        for host in hosts:
            vcenter._wait(host.EnterMaintenanceMode_Task(0))
        try:
            yield
        finally:
            for host in hosts:
                vcenter._wait(host.ExitMaintenanceMode_Task(0))


def test_a_vcenter_in_maintenance_takes_no_machine(
    on_vcenter: None, in_maintenance: None, plan: Any, wave: WriteWave
) -> None:
    _, report = plan(wave(cold("vc fine"), source="lab_vc_a", target="lab_vc_b", mappings=SAME))
    assert "host.maintenance" in critical(report, "vc fine")


def test_what_a_kvm_machine_loses_at_a_vcenter(machines: None, plan: Any, wave: WriteWave) -> None:
    _, report = plan(wave(cold(*plants.TO_VCENTER), target="lab_vc_b", mappings=TO_VCENTER))
    assert missing(report, plants.TO_VCENTER) == {}


def test_what_a_kvm_machine_loses_at_a_hyperv_host(machines: None, plan: Any, wave: WriteWave) -> None:
    mappings = {"networks": {"production": "production"}, "storage": {"default": "D:"}, "test_network": "isolated"}
    _, report = plan(wave(cold(*plants.TO_HYPERV), target="lab_hv_b", mappings=mappings))
    assert missing(report, plants.TO_HYPERV) == {}


def test_between_two_kvm_hosts_the_definition_keeps_it(machines: None, plan: Any, wave: WriteWave) -> None:
    _, report = plan(wave(cold(*plants.TO_VCENTER)))
    told = {machine["name"]: {one["id"] for one in machine["concerns"]} for machine in report["machines"]}
    usual = {"checks.none", "target.address_clash"}
    expected: dict[str, set[str]] = {name: set() for name in told}
    assert {name: ids - usual for name, ids in told.items()} == expected | {
        "listening": {"device.ports"},
        "tagged": {"nic.vlan"},
    }
    assert not any(critical(report, name) for name in told)


def test_machines_that_run_are_told_apart(machines: None, plan: Any, wave: WriteWave) -> None:
    _, report = plan(wave(cold(*plants.RUNNING)))
    assert missing(report, plants.RUNNING) == {}


def test_a_running_machine_goes_to_its_own_kind_alone(machines: None, plan: Any, wave: WriteWave) -> None:
    going = [{"name": "deaf and awake", "strategy": "live"}]
    written = wave(going, target="lab_vc_b", mappings=TO_VCENTER, performance={"baseline": "5 min"})
    _, report = plan(written)
    assert "strategy.live_impossible" in critical(report, "deaf and awake")
    assert missing(report, {"deaf and awake": {"performance.unknown"}}) == {}
