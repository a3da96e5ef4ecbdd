"""What a Hyper-V host answers, as the concerns that a plan raises of it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from answers import ADAPTER, DISK, SHUTDOWN, Told, answer
from test_hyperv_inventory import item

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


def test_the_cases_are_concerns() -> None:
    assert CASES.keys() <= {module.ID for module in catalogue.modules()}
