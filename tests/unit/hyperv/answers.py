"""What a Hyper-V host answers to our scripts, for tests of what is made of it; and a session that gives it."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv import scripts
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine

GIB = 1 << 30
ID = "6d1f0d2c-5a52-4b8c-9a6e-9f4b3f0c8a11"
GUID = "0A1B2C3D-0000-4000-8000-00000000ABCD"
HOST = {
    "name": "HV-A",
    "version": "10.0.20348",
    "processors": 8,
    "processorModel": "Intel(R) Xeon(R) ",
    "memory": str(64 * GIB),
    "memoryFreeKiB": str(32 << 20),
    "clock": "2026-11-23T06:15:23.1234567Z",
    "versions": ["8.0", "9.0", "10.0", "254.0"],
    "diskFolder": "D:\\Hyper-V\\Disks",
    "machineFolder": "D:\\Hyper-V",
    "liveEnabled": True,
    "liveLogin": "Kerberos",
    "liveAnyNetwork": True,
    "liveNetworks": [],
    "liveSlots": 2,
    "storageSlots": 2,
}
VOLUMES = [
    {"path": "C:\\", "label": "", "capacity": str(100 * GIB), "free": str(20 * GIB)},
    {"path": "C:\\ClusterStorage\\Volume1\\", "label": "csv", "capacity": str(900 * GIB), "free": str(800 * GIB)},
    {"path": "D:\\", "label": "data", "capacity": str(500 * GIB), "free": str(400 * GIB)},
    {"path": "\\\\?\\Volume{1}\\", "label": "Recovery", "capacity": str(GIB), "free": "0"},
]
SWITCHES = [
    {"name": "production", "type": "External", "adapter": "Intel I350"},
    {"name": "isolated", "type": "Private", "adapter": ""},
    {"name": "host only", "type": "Internal", "adapter": ""},
]
SHUTDOWN = {
    "id": f"Microsoft:{ID.upper()}\\9F8233AC-BE49-4C79-8EE3-E7E1985B2077",
    "name": "Herunterfahren",
    "enabled": True,
    "status": "Ok",
}
DISK = {
    "path": "D:\\vms\\web.vhdx",
    "controller": "SCSI",
    "number": 0,
    "location": 0,
    "passThrough": False,
    "shared": False,
    "format": "VHDX",
    "type": "Dynamic",
    "size": str(4 * GIB),
    "allocated": str(GIB),
    "sector": "512",
    "parent": "",
    "problem": None,
}
ADAPTER = {
    "name": "Network Adapter",
    "mac": "00155D010203",
    "dynamicMac": True,
    "switch": "production",
    "legacy": False,
    "sriov": False,
    "addresses": ["192.0.2.7"],
    "vlanMode": "Untagged",
    "vlan": 0,
}
MACHINE = {
    "id": ID,
    "biosGuid": f"{{{GUID}}}",
    "name": "web",
    "host": "HV-A",
    "state": "Running",
    "status": "Operating normally",
    "version": "9.0",
    "generation": 2,
    "system": [],
    "notes": "the shop's\nfront end",
    "folder": "D:\\vms",
    "processors": 2,
    "processorCompatibility": True,
    "processorReserve": "0",
    "processorLimit": "100",
    "processorWeight": "100",
    "nested": False,
    "memory": str(GIB),
    "memoryWeight": "50",
    "memoryDynamic": False,
    "memoryMinimum": str(GIB // 2),
    "memoryMaximum": str(2 * GIB),
    "startAction": "StartIfRunning",
    "startDelay": "0",
    "stopAction": "Save",
    "checkpointType": "Production",
    "replication": "Disabled",
    "clustered": False,
    "shielded": False,
    "tpm": False,
    "protector": False,
    "secureBoot": "Off",
    "template": "MicrosoftWindows",
    "boot": [
        {"type": "File", "path": "", "mac": ""},
        {"type": "Drive", "path": "D:\\VMS\\web.vhdx", "mac": ""},
        {"type": "Network", "path": "", "mac": "00155D010203"},
    ],
    "disks": [DISK],
    "adapters": [ADAPTER],
    "snapshots": [],
    "services": [SHUTDOWN],
    "media": [],
    "floppies": [],
    "handed": [],
    "notAsked": [],
}
ANSWERS: Mapping[str, list[Any]] = {
    "host": [HOST],
    "volumes": VOLUMES,
    "switches": SWITCHES,
    "machines": [{"id": ID, "name": "web"}],
    "inventory": [MACHINE],
    "state": ["Running"],
}


def answer(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(MACHINE) | changes


FOREIGN = VirtualMachine(
    name="web",
    uuid=GUID.lower(),
    hypervisor="libvirt",
    host="kvm-a",
    state=PowerState.OFF,
    cpu=Cpu(count=2, sockets=2),
    memory=GIB,
    firmware=Firmware.UEFI,
    disks=(
        Disk("vda", "/pool/a.qcow2", "default", DiskFormat.QCOW2, 4 * GIB, GIB, "virtio"),
        Disk("vdb", "/pool/b.qcow2", "default", DiskFormat.QCOW2, GIB, 0, "virtio"),
    ),
    nics=(Nic("52:54:00:00:00:01", "prod", "virtio"),),
    autostart=True,
    boot_order=("vda", "52:54:00:00:00:01"),
)


def foreign(**changes: Any) -> VirtualMachine:
    return dataclasses.replace(FOREIGN, **changes)


class Told:
    """Stands where a Session does: gives these answers and keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        from drover.hypervisors.hyperv import target

        self.spec = ConnectionSpec("hv_a", "hyperv", "hv-a", "administrator", "secret")
        self.target = target.read(self.spec)
        self.answers = {**ANSWERS, **answers}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def run(self, script: str, parameters: Mapping[str, Any], *, deadline: float = 0) -> list[Any]:
        name = next(one for one in scripts.names() if scripts.text(one) == script)
        self.asked.append((name, dict(parameters)))
        found = self.answers.get(name, [])
        if isinstance(found, BaseException):
            raise found
        return list(found(parameters) if callable(found) else found)

    def given(self, name: str) -> list[dict[str, Any]]:
        """The parameters of each run of this script."""
        return [parameters for script, parameters in self.asked if script == name]
