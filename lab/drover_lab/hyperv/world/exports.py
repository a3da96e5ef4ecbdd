"""Export-VM and Import-VM: folders as Hyper-V makes them, with real disks. What stands for the VMCX file is JSON."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world.answers import invalid, refused
from drover_lab.hyperv.world.checkpoints import Checkpoints
from drover_lab.hyperv.world.machines import chosen, described, refresh
from drover_lab.hyperv.world.moves import Moves
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.planned import planned_at, report
from drover_lab.hyperv.world.store import Host, State
from drover_lab.process import run

_COPY = 900.0


class Exports:
    def __init__(self, host: Host, checkpoints: Checkpoints, moves: Moves) -> None:
        self.host, self.checkpoints, self.moves = host, checkpoints, moves

    # --- Export-VM ---

    def export(self, call: Invocation) -> None:
        call.only("VM", "Path", "CaptureLiveState")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state):
                folder = f"{call.get('Path')}\\{machine['name']}"
                try:
                    self._exported(machine, folder, call.get("CaptureLiveState"))
                except CmdletFault as error:
                    call.fail(error)

    def _exported(self, machine: State, folder: str, live: str | None) -> None:
        target = local(self.host, folder)
        if target.exists():
            raise refused(f"Failed to export '{machine['name']}': the folder '{folder}' exists.", "OperationFailed",
                          "ResourceExists")  # fmt: skip
        if machine["snapshots"]:
            raise NotModelledError("Export-VM of a machine with checkpoints")
        if machine["state"] == "Running" and live != "CaptureCrashConsistentState":
            raise NotModelledError("Export-VM of a machine that runs, with its memory")
        for part in ("Virtual Machines", "Virtual Hard Disks", "Snapshots"):
            (target / part).mkdir(parents=True)
        kept = json.loads(json.dumps(machine)) | {"state": "Off", "folder": folder}
        with self._still(machine):
            for drive, copy in zip(machine["disks"], kept["disks"], strict=True):
                below = machine["snapshots"][0]["below"][drive["id"]] if machine["snapshots"] else drive["path"]
                copy["path"] = f"{folder}\\Virtual Hard Disks\\{below.rpartition(chr(92))[2]}"
                self._copied(below, copy["path"])
        (target / "Virtual Machines" / f"{machine['id'].upper()}.vmcx").write_text(json.dumps(kept))

    @contextmanager
    def _still(self, machine: State) -> Iterator[None]:
        """What a guest writes meanwhile goes elsewhere."""
        if machine["state"] == "Off":
            yield
            return
        self.checkpoints._frozen(machine, "export")
        try:
            yield
        finally:
            self.checkpoints._merged(machine)

    def _copied(self, source: str, target: str) -> None:
        run(["cp", "--sparse=always", str(local(self.host, source)), str(local(self.host, target))], timeout=_COPY)

    # --- Import-VM ---

    def compare(self, call: Invocation) -> None:
        if "Path" not in call.given:
            self.moves.compare(call)
            return
        call.only("Path", "Copy", "GenerateNewId", "VirtualMachinePath", "SnapshotFilePath", "SmartPagingFilePath",
                  "VhdDestinationPath")  # fmt: skip
        if not call.get("Copy"):
            raise NotModelledError("importing a machine in place")
        path = call.get("Path")
        file = local(self.host, path)
        if not file.is_file():
            raise refused(f"The file '{path}' was not found.", "ObjectNotFound", "ObjectNotFound")
        machine = json.loads(file.read_text())
        home = path.rpartition("\\")[0].rpartition("\\")[0]
        for drive in machine["disks"]:
            name = drive["path"].rpartition("\\")[2]
            drive.update(path=f"{call.get('VhdDestinationPath')}\\{name}", source=f"{home}\\Virtual Hard Disks\\{name}")
        machine["folder"] = call.get("VirtualMachinePath")
        if call.get("GenerateNewId"):
            machine["id"] = str(uuid.uuid4())
        with self.host.state() as state:
            call.write(report(planned_at(self.host.name, machine, state), state))

    def import_(self, call: Invocation) -> None:
        call.only("CompatibilityReport")
        machine = call.get("CompatibilityReport").hidden.machine
        if call.get("CompatibilityReport").hidden.missed:
            raise invalid(f"Unable to import virtual machine '{machine['name']}' due to configuration errors.")
        with self.host.state() as state:
            if machine["id"] in state["machines"]:
                raise refused("The operation failed because a virtual machine with this identifier already exists.",
                              "OperationFailed", "ResourceExists")  # fmt: skip
            for drive in machine["disks"]:
                target = local(self.host, drive["path"])
                if target.exists():
                    raise refused(f"Failed to copy file: '{drive['path']}' already exists.", "OperationFailed",
                                  "ResourceExists")  # fmt: skip
                target.parent.mkdir(parents=True, exist_ok=True)
                self._copied(drive.pop("source"), drive["path"])
            folder = local(self.host, machine["folder"]) / "Virtual Machines"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{machine['id'].upper()}.vmcx").write_text("simulated\n")
            state["machines"][machine["id"]] = machine
            call.write(described(self.host, machine))
