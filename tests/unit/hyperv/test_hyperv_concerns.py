"""What a Hyper-V host answers, as the concerns that a plan raises of it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from answers import ADAPTER, DISK, SHUTDOWN, Told, answer
from test_hyperv_inventory import USUAL, item, machine

from drover.concerns import catalogue, run
from drover.hypervisors.hyperv import inventory

sys.path.append(str(Path(__file__).parents[1] / "concerns"))
from factory import host, preflight  # noqa: E402


def found(**changes: Any) -> set[str]:
    """The ids of what is found of a machine that goes to a KVM host."""
    source = inventory.machine(Told(inventory=[answer(**changes)]), "web")
    mappings = {"networks": {"production": "production"}, "storage": {"D:": "default"}, "test_network": "isolated"}
    here = host(name="HV-A", hypervisor="hyperv")
    return {one.id for one in run.run(preflight(source, source_host=here, mappings=mappings))}


def adapter(**changes: Any) -> dict[str, Any]:
    return {"adapters": [ADAPTER | changes]}


def disk(**changes: Any) -> dict[str, Any]:
    return {"disks": [DISK | changes]}


def system(name: str, kind: str) -> list[str]:
    return [item("OSName", name), item("ProductType", kind)]


CASES: dict[str, dict[str, Any]] = {
    "cluster.role": {"clustered": True},
    "cpu.nested": {"nested": True},
    "device.media": {"media": ["D:\\a.iso"]},
    "device.not_asked": {"notAsked": ["GPU partitions"]},
    "device.passthrough": {"handed": ["gpu-partition 1"]},
    "device.ports": {"handed": ["serial \\\\.\\pipe\\a"]},
    "device.tpm": {"tpm": True},
    "disk.backing_chain": disk(parent="D:\\base.vhdx"),
    "disk.capacity": disk(size="", problem="in use"),
    "disk.raw_mapping": disk(passThrough=True, size="", path="Disk 3"),
    "disk.shared": disk(shared=True),
    "firmware.secure_boot": {"secureBoot": "On"},
    "firmware.secure_boot_template": {"secureBoot": "On", "template": "OpenSourceShieldedVM"},
    "guest.domain_controller": {"system": system("Windows Server 2022", "2")},
    "guest.system": {"system": system("OS/2", "1")},
    "guest.tools": {"services": [SHUTDOWN | {"status": "NoContact"}]},
    "machine.checkpoints": {"checkpointType": "Disabled"},
    "machine.power_state": {"state": "Paused"},
    "machine.resources": {"processorReserve": "10"},
    "machine.replica": {"replication": "Replicating"},
    "machine.saved": {"state": "Saved"},
    "machine.unreachable": {"clustered": None},
    "machine.shielded": {"shielded": True},
    "machine.snapshots": {"snapshots": [{"id": "1", "name": "before", "type": "Standard"}]},
    "memory.dynamic": {"memoryDynamic": True},
    "network.unmapped": adapter(switch="dmz"),
    "nic.disconnected": adapter(switch=""),
    "nic.no_mac": adapter(mac="000000000000"),
    "nic.sriov": adapter(sriov=True),
    "nic.vlan": adapter(vlanMode="Access", vlan=12),
    "storage.unmapped": disk(path="C:\\a.vhdx"),
    "target.address_clash": adapter(addresses=[]),
}
FINE = {"system": system("Windows Server 2022", "3")}


@pytest.mark.parametrize("concern", CASES)
def test_it_is_found(concern: str) -> None:
    assert concern in found(**(FINE | CASES[concern]))
    assert concern not in found(**FINE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stopAction": "ShutDown"}, ("stop-action ShutDown",)),
        ({"stopAction": ""}, ("unreadable stop action (Hyper-V does not tell)",)),
        ({"startDelay": "90"}, ("start-delay 90 s", *USUAL)),
        ({"startDelay": ""}, ("unreadable start delay (Hyper-V does not tell)", *USUAL)),
    ],
)
def test_what_its_host_does_with_it_at_start_and_end_is_named(changes: dict[str, Any], words: tuple[str, ...]) -> None:
    assert machine(**changes).devices == words


def test_what_its_host_does_with_it_at_the_end_is_told_of_every_machine() -> None:
    for action in ("Save", "TurnOff", "ShutDown"):
        assert "translation.start_stop" in found(**FINE, stopAction=action)
    untold = found(**FINE, stopAction="")
    assert "machine.unreachable" in untold
    assert "translation.start_stop" not in untold


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        (adapter(sriov=None), "unreadable SR-IOV of adapter 00:15:5d:01:02:03 (Hyper-V does not tell)"),
        (adapter(legacy=None, sriov=None), "unreadable the kind of adapter 00:15:5d:01:02:03 (Hyper-V does not tell)"),
        (adapter(vlanMode="Access", vlan=None), "vlan 00:15:5d:01:02:03"),
        ({"processorCompatibility": None}, "unreadable processor compatibility (Hyper-V does not tell)"),
        (
            {"services": [SHUTDOWN | {"enabled": None}]},
            "unreadable integration service Herunterfahren (Hyper-V does not tell)",
        ),
    ],
)
def test_what_is_not_told_of_adapters_and_services_is_no_zero_and_no_off(changes: dict[str, Any], word: str) -> None:
    told = machine(**changes).devices
    assert set(told) - set(USUAL) == {word}
    assert found(**FINE, **changes) & {"machine.unreachable", "nic.vlan"}
    assert not found(**FINE, **changes) & {"nic.sriov", "device.other"}


def test_a_service_that_nobody_tells_of_neither_runs_nor_stands() -> None:
    assert machine(services=[SHUTDOWN | {"enabled": None}]).guest_tools is None


def test_a_legacy_adapter_has_no_sriov_to_tell_of() -> None:
    assert machine(adapters=[ADAPTER | {"legacy": True, "sriov": None}]).devices == USUAL


def test_a_trunk_has_no_number_of_its_own() -> None:
    told = machine(adapters=[ADAPTER | {"vlanMode": "Trunk", "vlan": None}])
    assert told.devices == ("vlan 00:15:5d:01:02:03 trunk 0", *USUAL)


def test_the_cases_are_concerns() -> None:
    assert CASES.keys() <= {module.ID for module in catalogue.modules()}
