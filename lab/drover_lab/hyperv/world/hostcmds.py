"""The host itself: Get-VMHost, switches, and what is asked by CIM and WMI."""

import json
import uuid
from typing import Any

from drover_lab.hyperv.powershell.convert import text
from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.powershell.values import Names, PsObject, Version
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import counted, jobs
from drover_lab.hyperv.world.answers import enum, thing
from drover_lab.hyperv.world.paths import used
from drover_lab.hyperv.world.store import Host, State

_REALIZED = "Microsoft:Hyper-V:System:Realized"
_BAD_PARAMETER = 32773
# What a guest's services would have told; the lab's guests have none.
_SYSTEM = (
    '<INSTANCE CLASSNAME="Msvm_KvpExchangeDataItem"><PROPERTY NAME="Data" TYPE="string"><VALUE>Debian GNU/Linux</VALUE>'
    '</PROPERTY><PROPERTY NAME="Name" TYPE="string"><VALUE>OSName</VALUE></PROPERTY></INSTANCE>'
)


class HostCmdlets:
    def __init__(self, host: Host) -> None:
        self.host = host

    def get(self, call: Invocation) -> None:
        call.only()
        with self.host.state() as state:
            login = enum("MigrationAuthenticationType", state["live_login"])
            call.write(thing("VMHost", {
                "ComputerName": self.host.name, "Name": self.host.name, "LogicalProcessorCount": state["processors"],
                "MemoryCapacity": state["memory"], "VirtualHardDiskPath": state["disk_folder"],
                "VirtualMachinePath": state["machine_folder"], "VirtualMachineMigrationEnabled": state["live"],
                "VirtualMachineMigrationAuthenticationType": login,
                "MaximumVirtualMachineMigrations": state["live_slots"],
                "UseAnyNetworkForMigration": not state.get("live_networks"),
                "MaximumStorageMigrations": state["storage_slots"],
            }))  # fmt: skip

    def versions(self, call: Invocation) -> None:
        call.only()
        with self.host.state() as state:
            for one in state["versions"]:
                numbers = Version(tuple(map(int, one.split("."))))
                call.write(thing("VMConfigurationVersion", {"Version": numbers}))

    def migration_networks(self, call: Invocation) -> None:
        call.only()
        with self.host.state() as state:
            for subnet in state.get("live_networks") or []:
                call.write(thing("VMMigrationNetwork", {"Subnet": subnet}))

    def switches(self, call: Invocation) -> None:
        call.only("Name")
        with self.host.state() as state:
            for name, kind in state["switches"].items():
                if "Name" not in call.given or name.lower() == call.get("Name").lower():
                    card = "Simulated Ethernet" if kind == "External" else None
                    call.write(thing("VMSwitch", {"Name": name, "SwitchType": enum("VMSwitchType", kind),
                                                  "NetAdapterInterfaceDescription": card}))  # fmt: skip

    # --- CIM and WMI ---

    def cim(self, call: Invocation) -> None:
        call.only("ClassName", "Namespace")
        self._classes(call, call.get("ClassName"))

    def wmi(self, call: Invocation) -> None:
        call.only("Class", "Namespace")
        name = call.get("Class")
        if name == "Msvm_VirtualSystemManagementService":
            call.write(PsObject("System.Management.ManagementObject", Names(),
                                methods={"modifysystemsettings": self._modified}))  # fmt: skip
        elif name == "Msvm_VirtualSystemSettingData":
            self._classes(call, name)
        elif name == "Msvm_MigrationJob":
            for job in jobs.told(self.host):
                call.write(job)
        else:
            raise NotModelledError(f"Get-WmiObject {name}")

    def _classes(self, call: Invocation, name: str) -> None:
        virtual = name.startswith("Msvm_")
        space = text(call.get("Namespace", "root/cimv2")).replace("\\", "/").lower()
        if space != ("root/virtualization/v2" if virtual else "root/cimv2"):
            raise NotModelledError(f"the class {name} in {space}")
        with self.host.state() as state:
            for values in self._instances(name, state):
                call.write(_instance(name, values))

    def _instances(self, name: str, state: State) -> list[dict[str, Any]]:
        used = sum(one["memory"] for one in state["machines"].values() if one["state"] == "Running")
        if name == "Win32_OperatingSystem":
            return [{"Version": state["version"], "FreePhysicalMemory": (state["memory"] - used) // 1024}]
        if name == "Win32_Processor":
            return [{"Name": state["processor"]}]
        if name == "Win32_Volume":
            return [{"Name": f"{letter}:\\", "Label": "", "DriveType": 3, "Capacity": size,
                     "FreeSpace": max(0, size - self._used(letter))}
                    for letter, size in state["capacity"].items()]  # fmt: skip
        if name == "Msvm_VirtualSystemSettingData":
            return [{"VirtualSystemType": _REALIZED, "VirtualSystemIdentifier": machine["id"].upper(),
                     "BIOSGUID": "{" + machine["bios"].upper() + "}" if machine["bios"] else None}
                    for machine in state["machines"].values()]  # fmt: skip
        if name == "Msvm_KvpExchangeComponent":
            return [{"SystemName": machine["id"].upper(),
                     "GuestIntrinsicExchangeItems": [_SYSTEM] if machine["state"] == "Running" else []}
                    for machine in state["machines"].values()]  # fmt: skip
        if name in counted.CLASSES:
            return counted.CLASSES[name](self.host, state)
        raise NotModelledError(f"the class {name}")

    def _used(self, letter: str) -> int:
        return used(self.host.drives / letter)

    def _modified(self, settings: Any) -> PsObject:
        code = 0
        try:
            wanted = json.loads(text(settings))
            identity = str(uuid.UUID(wanted["BIOSGUID"]))
            with self.host.state() as state:
                state["machines"][wanted["VirtualSystemIdentifier"].lower()]["bios"] = identity
        except (ValueError, KeyError):
            code = _BAD_PARAMETER
        return thing("MethodResult", {"ReturnValue": code})


def _instance(name: str, values: dict[str, Any]) -> PsObject:
    found = PsObject(f"Microsoft.Management.Infrastructure.CimInstance#{name}", Names(values))
    if name == "Msvm_VirtualSystemSettingData":
        # What stands in for the CIM XML that WMI writes: only its own ModifySystemSettings reads it.
        found.methods = {"gettext": lambda _: json.dumps(dict(found.properties))}
        found.settable = frozenset({"biosguid"})
    return found
