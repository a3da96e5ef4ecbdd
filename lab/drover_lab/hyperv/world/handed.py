"""What of the host itself a machine has: devices, parts of a GPU, Fibre Channel, serial ports, floppy images."""

from collections.abc import Iterable, Mapping
from typing import Any

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.invocation import Invocation, Run
from drover_lab.hyperv.powershell.table import cmdlets
from drover_lab.hyperv.powershell.values import Hashtable
from drover_lab.hyperv.world.answers import refused, thing
from drover_lab.hyperv.world.machines import chosen
from drover_lab.hyperv.world.store import Host, State


class Handed:
    """:ivar known: every cmdlet of the host; set once they are all there."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.known: Mapping[str, Run] = {}

    def devices(self, call: Invocation) -> None:
        self._listed(call, "VMAssignedDevice", "assigned", "LocationPath")

    def gpus(self, call: Invocation) -> None:
        self._listed(call, "VMGpuPartitionAdapter", "gpus", "Id")

    def fibre(self, call: Invocation) -> None:
        self._listed(call, "VMFibreChannelHba", "fibre", "SanName")

    def ports(self, call: Invocation) -> None:
        """There are always two."""
        call.only("VM")
        for machine in self._machines(call):
            for number, path in enumerate(machine.get("ports", ["", ""]), 1):
                call.write(thing("VMComPort", {"VMName": machine["name"], "Number": number, "Path": path}))

    def floppies(self, call: Invocation) -> None:
        """Generation 1 has one drive, empty or not."""
        call.only("VM")
        for machine in self._machines(call):
            if machine["generation"] == 1:
                call.write(thing("VMFloppyDiskDrive", {"VMName": machine["name"], "Path": machine.get("floppy")}))
            else:
                call.fail(refused("This operation is not supported on a generation 2 virtual machine."))

    def _listed(self, call: Invocation, kind: str, where: str, name: str) -> None:
        call.only("VM")
        for machine in self._machines(call):
            for one in machine.get(where, []):
                call.write(thing(kind, {"VMName": machine["name"], name: one}))

    def _machines(self, call: Invocation) -> Iterable[State]:
        with self.host.state() as state:
            return chosen(call, state)

    def command(self, call: Invocation) -> None:
        call.only("Name")
        with self.host.state() as state:
            missing: list[Any] = state.get("missing_cmdlets", [])
            older: list[Any] = state.get("missing_parameters", [])
        for name in call.get("Name"):
            if name in self.known and name not in missing:
                call.write(thing("CmdletInfo", {"Name": name, "Parameters": self._parameters(name, older)}))
            else:
                call.fail(CmdletFault(
                    f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable "
                    "program.", "CommandNotFoundException", "ObjectNotFound",
                    "System.Management.Automation.CommandNotFoundException"))  # fmt: skip

    def _parameters(self, name: str, missing: list[Any]) -> Hashtable:
        """What stands for each parameter nobody asks."""
        known = [one for one in cmdlets()[name].by_name if f"{name} {one}" not in missing]
        return Hashtable(dict.fromkeys(known))
