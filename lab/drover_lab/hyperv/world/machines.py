"""Machines: found, made, started, stopped, removed."""

import contextlib
import shutil
import uuid
from datetime import UTC, datetime
from typing import Any

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.powershell.values import PsObject
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import answers, qemu
from drover_lab.hyperv.world.answers import enum, invalid, refused, thing, wrong_state
from drover_lab.hyperv.world.paths import local, same
from drover_lab.hyperv.world.store import Host, State

_MIB = 2**20


def described(host: Host, machine: State) -> PsObject:
    """What Get-VM answers: the machine as it is now, and not as it will be."""
    running = machine["state"] == "Running"
    return thing(
        "VirtualMachine",
        {
            "Name": machine["name"], "VMName": machine["name"], "Id": uuid.UUID(machine["id"]),
            "VMId": uuid.UUID(machine["id"]), "State": enum("VMState", machine["state"]),
            "Status": "Operating normally", "Version": machine["version"], "Generation": machine["generation"],
            "ProcessorCount": machine["processors"], "MemoryStartup": machine["memory"],
            "MemoryMinimum": machine["minimum"], "MemoryMaximum": machine["maximum"],
            "MemoryAssigned": machine["memory"] if running else 0, "DynamicMemoryEnabled": machine["dynamic"],
            "Path": machine["folder"], "ConfigurationLocation": machine["folder"],
            "SnapshotFileLocation": machine["folder"], "CheckpointFileLocation": machine["folder"],
            "SmartPagingFilePath": machine["folder"], "Notes": machine["notes"], "ComputerName": host.name,
            "AutomaticStartAction": enum("StartAction", machine["start"]),
            "AutomaticStopAction": enum("StopAction", machine["stop"]),
            "AutomaticStartDelay": machine["delay"],
            "CheckpointType": enum("CheckpointType", machine["checkpoints"]),
            "CreationTime": datetime.fromisoformat(machine["created"]),
            "ReplicationState": enum("VMReplicationState", machine["replication"]),
            "IsClustered": machine.get("clustered", False),
        },
        machine["id"],
        text=f"VirtualMachine (Name = '{machine['name']}') [Id = '{machine['id']}']",
    )  # fmt: skip


def refresh(host: Host, state: State) -> None:
    """A guest that shut itself down is off."""
    for machine in state["machines"].values():
        if machine["state"] in ("Running", "Paused") and qemu.record(host, machine) is None:
            machine["state"] = "Off"


def chosen(call: Invocation, state: State, *, by: str = "VMName") -> list[State]:
    """The machines that -VM, -VMName (or -Name) and -Id mean; what is not there is said."""
    machines: dict[str, State] = state["machines"]
    if call.get("ComputerName") or call.get("CimSession") or call.get("Credential"):
        raise NotModelledError(f"{call.cmdlet.name} at another host")
    return [machine for machine in _meant(call, machines, by) if _answers(call, machine)]


def _answers(call: Invocation, machine: State) -> bool:
    """What is broken of a machine fails, as one does that lies on a volume that is gone."""
    if call.cmdlet.name not in machine.get("broken", ()):
        return True
    call.fail(refused(f"The operation failed for '{machine['name']}': the system cannot find the file specified."))
    return False


def _meant(call: Invocation, machines: dict[str, State], by: str) -> list[State]:
    if "Id" in call.given:
        return _found(call, machines.get(str(call.get("Id"))), str(call.get("Id")))
    if "VM" in call.given:
        given = call.get("VM")
        return [machine for one in (given if isinstance(given, list) else [given])
                for machine in _found(call, machines.get(one.hidden), one.properties["Name"])]  # fmt: skip
    names = call.get(by)
    if names is None:
        return sorted(machines.values(), key=lambda machine: str(machine["name"]).lower())
    return [
        machine for name in (names if isinstance(names, list) else [names]) for machine in _named(call, machines, name)
    ]


def _found(call: Invocation, machine: State | None, name: str) -> list[State]:
    if machine is None:
        call.fail(answers.missing(name))
        return []
    return [machine]


def _named(call: Invocation, machines: dict[str, State], name: str) -> list[State]:
    if any(letter in name for letter in "*?["):
        raise NotModelledError(f"the pattern {name!r} for names of machines")
    found = [machine for machine in machines.values() if same(machine["name"], name)]
    return found or _found(call, None, name)


class Machines:
    """The cmdlets about machines as a whole."""

    def __init__(self, host: Host) -> None:
        self.host = host
        # The ids of those whose guests have their time to shut down.
        self._asked: set[str] = set()

    def get(self, call: Invocation) -> None:
        call.only("Name", "Id")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state, by="Name"):
                call.write(described(self.host, machine))

    def new(self, call: Invocation) -> None:
        call.only(
            "Name", "Generation", "MemoryStartupBytes", "NoVHD", "VHDPath", "Path", "SwitchName", "Version", "Force"
        )
        with self.host.state() as state:
            machine = self._made(call, state)
            if "VHDPath" in call.given:
                controller = "IDE" if machine["generation"] == 1 else "SCSI"
                machine["disks"].append({"id": str(uuid.uuid4()), "controller": controller, "number": 0, "location": 0,
                                         "path": call.get("VHDPath")})  # fmt: skip
            folder = local(self.host, machine["folder"]) / "Virtual Machines"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{machine['id'].upper()}.vmcx").write_text("simulated\n")
            state["machines"][machine["id"]] = machine
            call.write(described(self.host, machine))

    def _made(self, call: Invocation, state: State) -> State:
        switch = call.get("SwitchName")
        if switch is not None and switch not in state["switches"]:
            raise invalid(f'Hyper-V was unable to find a virtual switch with name "{switch}".')
        version = str(call.get("Version") or state["versions"][-1])
        if version not in state["versions"]:
            raise invalid(f"The version '{version}' of the virtual machine is not supported on '{self.host.name}'.")
        generation = call.get("Generation", 1)
        name = call.get("Name") or "New Virtual Machine"
        identity = str(uuid.uuid4())
        memory = call.get("MemoryStartupBytes", 512 * _MIB)
        dvd = [{"id": str(uuid.uuid4()), "controller": "IDE", "number": 1, "location": 0, "path": None}]
        base = (call.get("Path") or state["machine_folder"]).rstrip("\\")
        return {
            "id": identity, "bios": str(uuid.uuid4()), "name": name, "generation": generation, "version": version,
            "memory": memory, "minimum": 512 * _MIB, "maximum": 2**40, "dynamic": False, "processors": 1,
            "compatibility": False, "nested": False, "notes": "", "folder": f"{base}\\{name}", "state": "Off",
            "start": "StartIfRunning", "stop": "Save", "delay": 0, "checkpoints": "Production", "automatic": True,
            "created": datetime.now(UTC).isoformat(), "replication": "Disabled", "shielded": False, "tpm": False,
            "controllers": 1, "disks": [], "dvds": dvd if generation == 1 else [], "boot": [],
            "adapters": [new_adapter(state, "Network Adapter", switch)], "snapshots": [],
            "secure": "On" if generation == 2 else "Off", "template": "MicrosoftWindows", "services": {},
        }  # fmt: skip

    def set(self, call: Invocation) -> None:
        fields = {"Notes": "notes", "AutomaticStartAction": "start", "AutomaticStopAction": "stop",
                  "AutomaticStartDelay": "delay", "CheckpointType": "checkpoints", "NewVMName": "name",
                  "AutomaticCheckpointsEnabled": "automatic"}  # fmt: skip
        call.only("Name", "VM", *fields)
        with self.host.state() as state:
            for name in call.given:
                if f"Set-VM {name}" in state.get("missing_parameters", ()):
                    raise CmdletFault(
                        f"A parameter cannot be found that matches parameter name '{name}'.", "NamedParameterNotFound",
                        "InvalidArgument", "System.Management.Automation.ParameterBindingException", ends=True,
                    )  # fmt: skip
            # The machine in a compatibility report is none of the host's yet.
            planned = [one.hidden.machine for one in call.get("VM") or () if hasattr(one.hidden, "machine")]
            for machine in planned or chosen(call, state, by="Name"):
                machine.update({field: call.get(name) for name, field in fields.items() if name in call.given})

    def rename(self, call: Invocation) -> None:
        call.only("Name", "VM", "NewName")
        with self.host.state() as state:
            for machine in chosen(call, state, by="Name"):
                machine["name"] = call.get("NewName")

    def remove(self, call: Invocation) -> None:
        call.only("Name", "VM", "Force", "Confirm")
        _asks(call)
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state, by="Name"):
                if machine["state"] not in ("Off", "Saved"):
                    call.fail(wrong_state(machine["name"]))
                    continue
                if machine["snapshots"]:
                    raise NotModelledError("Remove-VM of a machine with checkpoints")
                # Its disks stay, as at a real host.
                shutil.rmtree(local(self.host, machine["folder"]) / "Virtual Machines", ignore_errors=True)
                del state["machines"][machine["id"]]

    def start(self, call: Invocation) -> None:
        call.only("Name", "VM")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state, by="Name"):
                if machine["state"] == "Running":
                    continue  # Windows warns only
                if machine["state"] != "Off":
                    raise NotModelledError(f"Start-VM of a machine that is {machine['state']}")
                try:
                    self._startable(machine, state)
                    qemu.start(self.host, machine)
                except CmdletFault as error:
                    call.fail(error)

    def _startable(self, machine: State, state: State) -> None:
        used = sum(one["memory"] for one in state["machines"].values() if one["state"] == "Running")
        if used + machine["memory"] > state["memory"]:
            raise refused(
                f"'{machine['name']}' failed to start. Not enough memory in the system to start the virtual machine "
                f"{machine['name']} with ram size {machine['memory'] // _MIB} megabytes."
            )
        for drive in machine["disks"]:
            if not local(self.host, drive["path"]).is_file():
                raise refused(
                    f"'{machine['name']}' failed to start. Attachment '{drive['path']}' failed to open because of "
                    "error: 'The system cannot find the file specified.' (0x80070002)."
                )

    def stop(self, call: Invocation) -> None:
        call.only("Name", "VM", "TurnOff", "Force", "Confirm")
        with self.host.state() as state:
            refresh(self.host, state)
            wanted = [machine for machine in chosen(call, state, by="Name") if machine["state"] != "Off"]
            if call.get("TurnOff"):
                for machine in wanted:
                    qemu.kill(self.host, machine)
                    machine["state"] = "Off"
                return
        # The lock is not held while the guest takes its time.
        for machine in wanted:
            self._shut_down(call, machine)

    def _shut_down(self, call: Invocation, machine: State) -> None:
        if machine["state"] != "Running":
            call.fail(wrong_state(machine["name"]))
            return
        if machine["id"] in self._asked:
            call.fail(
                refused(f"'{machine['name']}' failed to shut down. A system shutdown is in progress. (0x8007045B)")
            )
            return
        self._asked.add(machine["id"])
        try:
            # A guest that is off by now has shut down.
            with contextlib.suppress(OSError), qemu.monitor(self.host, machine) as monitor:
                monitor.ask("system_powerdown")
            if not qemu.ended(self.host, machine, self.host.patience):
                call.fail(refused(
                    f"'{machine['name']}' failed to shut down. The guest operating system did not answer in time."
                ))  # fmt: skip
        finally:
            self._asked.discard(machine["id"])

    def pause(self, call: Invocation) -> None:
        self._turn(call, "Running", "Paused", "stop")

    def resume(self, call: Invocation) -> None:
        self._turn(call, "Paused", "Running", "cont")

    def _turn(self, call: Invocation, before: str, after: str, order: str) -> None:
        call.only("Name", "VM")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state, by="Name"):
                if machine["state"] != before:
                    call.fail(wrong_state(machine["name"]))
                    continue
                with qemu.monitor(self.host, machine) as monitor:
                    monitor.ask(order)
                machine["state"] = after


def _asks(call: Invocation) -> None:
    """Without -Force Windows asks, and nobody is there to answer."""
    if not call.get("Force") and call.get("Confirm") is not False:
        raise CmdletFault(
            "Windows PowerShell is in NonInteractive mode. Read and Prompt functionality is not available.",
            "InvalidOperation", "InvalidOperation", "System.InvalidOperationException", ends=True,
        )  # fmt: skip


def new_adapter(
    state: State, name: str, switch: str | None, mac: str | None = None, legacy: bool = False
) -> dict[str, Any]:
    if mac is None:
        state["macs"] += 1
    return {
        "id": str(uuid.uuid4()), "name": name, "switch": switch, "mac": mac or f"00155D01{state['macs']:04X}",
        "dynamic": mac is None, "legacy": legacy, "vlan_mode": "Untagged", "vlan": 0,
    }  # fmt: skip
