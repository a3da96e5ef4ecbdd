"""Machines of a Hyper-V host, each with something wrong: one is made over WinRM, the others are its like."""

import copy
import shutil
import uuid
from typing import Any

from drover.hypervisors.hyperv import scripts
from drover_lab.hyperv import lab_host, lab_machines
from drover_lab.hyperv.world import store
from drover_lab.lab import Lab

DISKS = "D:\\Hyper-V\\Virtual Hard Disks"
DISK = {"path": f"{DISKS}\\fine.vhdx", "size": 64 << 20, "controller": "SCSI", "number": 0, "location": 0}
ADAPTER = {"name": "Network Adapter", "switch": "production", "mac": "00155D010203", "legacy": False, "vlan": 0}
MACHINE = {
    "folder": "D:\\Hyper-V",
    "folders": [DISKS],
    "generation": 2,
    "version": None,
    "memory": 64 << 20,
    "dynamic": None,
    "processors": 1,
    "compatibility": False,
    "notes": "",
    "controllers": [1],
    "disks": [DISK],
    "adapters": [ADAPTER],
    "template": "",
    "boot": [DISK["path"]],
    "settings": None,
    "services": [],
}

# What is changed of the machine, of its adapter, and what is found of it on its way to a KVM host.
PLANTS: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "hv fine": ({}, {}, {"device.not_asked", "translation.disk_controller", "translation.nic_model"}),
    "hv replicated": ({"replication": "Replicating"}, {}, {"machine.replica"}),
    # One that ran, so that it would be read from a checkpoint.
    "hv saved": ({"state": "Saved", "checkpoints": "Disabled"}, {}, {"machine.checkpoints", "machine.saved"}),
    "hv shielded": ({"shielded": True}, {}, {"machine.shielded"}),
    "hv clustered": ({"clustered": True}, {}, {"cluster.role"}),
    "hv nested": ({"nested": True}, {}, {"cpu.nested"}),
    "hv growing": ({"dynamic": True}, {}, {"memory.dynamic"}),
    "hv signed": ({"secure": "On", "template": "OpenSourceShieldedVM"}, {}, {"firmware.secure_boot_template"}),
    "hv port": ({"ports": ["\\\\.\\pipe\\a", ""]}, {}, {"device.ports"}),
    "hv broken": ({"broken": ["Get-VMMemory"]}, {}, {"machine.unreachable"}),
    "hv tagged": ({}, {"vlan_mode": "Access", "vlan": 12}, {"nic.vlan"}),
    "hv delayed": ({"stop": "ShutDown", "delay": 90}, {}, {"translation.start_stop"}),
    "hv direct": ({}, {"iov": 50}, {"nic.sriov"}),
    "hv unplugged": ({}, {"switch": None}, {"nic.disconnected"}),
    "hv nameless": ({}, {"mac": "000000000000", "dynamic": True}, {"nic.no_mac"}),
    "hv addressed": ({}, {"addresses": ["192.0.2.7", "192.0.2.8"]}, set()),
    "hv addressed too": ({}, {"addresses": ["192.0.2.9", "192.0.2.8"]}, {"target.address_clash"}),
}


def plant(lab: Lab) -> None:
    where = lab.topology.host("hv-a")
    lab_host.ask(lab.topology, where, "empty")
    with lab_machines._session(lab.topology, where) as session:
        (first,) = scripts.run(session, "define", workingName="hv fine", **MACHINE)
    folder = lab_host.drives(lab.topology, where) / "D" / "Hyper-V" / "Virtual Hard Disks"
    with store.world(lab_host.world(lab.topology)) as found:
        machines = found["hosts"][where.name]["machines"]
        for number, (name, (changes, card, _)) in enumerate(PLANTS.items()):
            if name != "hv fine":
                made = copy.deepcopy(machines[first])
                made |= {"id": str(uuid.uuid4()), "bios": str(uuid.uuid4()), "name": name} | changes
                made["disks"][0]["path"] = f"{DISKS}\\{number}.vhdx"
                shutil.copy(folder / "fine.vhdx", folder / f"{number}.vhdx")
                made["adapters"][0] |= {"id": str(uuid.uuid4()), "mac": f"00155D0102{number + 16:02X}"} | card
                machines[made["id"]] = made
        # As a host of an older version, which cannot be asked for everything.
        found["hosts"][where.name]["missing_cmdlets"] = ["Get-VMGpuPartitionAdapter"]
