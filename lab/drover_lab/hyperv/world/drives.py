"""Virtual disks, the drives that they are in, and the files of the host."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.powershell.values import Names, PsObject
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import enum, invalid, refused, thing, wrong_state
from drover_lab.hyperv.world.machines import chosen, refresh
from drover_lab.hyperv.world.paths import local, same, used
from drover_lab.hyperv.world.store import Host, State
from drover_lab.process import run

_LARGEST = 64 * 2**40


def drive(machine: State, one: State) -> PsObject:
    return thing("HardDiskDrive", {
        "VMName": machine["name"], "Path": one["path"], "ControllerType": enum("ControllerType", one["controller"]),
        "ControllerNumber": one["number"], "ControllerLocation": one["location"], "DiskNumber": one.get("disk_number"),
        "SupportPersistentReservations": one.get("shared", False), "Id": one["id"], "MacAddress": None,
    }, (machine["id"], one["id"]))  # fmt: skip


class Drives:
    def __init__(self, host: Host) -> None:
        self.host = host

    def get(self, call: Invocation) -> None:
        call.only("VM", "VMName", "VMSnapshot")
        with self.host.state() as state:
            if "VMSnapshot" in call.given:
                self._frozen(call, state)
                return
            for machine in chosen(call, state):
                for one in machine["disks"]:
                    call.write(drive(machine, one))

    def _frozen(self, call: Invocation, state: State) -> None:
        """The drives as they are in a checkpoint."""
        machine_id, snapshot_id = call.get("VMSnapshot").hidden
        machine = state["machines"][machine_id]
        (snapshot,) = [one for one in machine["snapshots"] if one["id"] == snapshot_id]
        for one in machine["disks"]:
            if one["id"] in snapshot["below"]:
                call.write(drive(machine, {**one, "path": snapshot["below"][one["id"]]}))

    def add(self, call: Invocation) -> None:
        call.only("VM", "VMName", "ControllerType", "ControllerNumber", "ControllerLocation", "Path")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state):
                try:
                    machine["disks"].append(self._added(call, state, machine))
                except CmdletFault as error:
                    call.fail(error)

    def _added(self, call: Invocation, state: State, machine: State) -> State:
        wanted = ("ControllerType", "ControllerNumber", "ControllerLocation", "Path")
        if any(name not in call.given for name in wanted):
            raise NotModelledError("Add-VMHardDiskDrive without controller, number, location and path")
        controller, number, location, path = (call.get(name) for name in wanted)
        if machine["state"] != "Off":
            if controller == "IDE":
                raise wrong_state(machine["name"])
            raise NotModelledError("adding a disk to a machine that runs")
        limits = (2, 2) if controller == "IDE" else (machine["controllers"], 64)
        if machine["generation"] == 2 and controller == "IDE":
            raise invalid("A generation 2 virtual machine has no IDE controller.")
        if not (0 <= number < limits[0] and 0 <= location < limits[1]):
            raise invalid(f"The controller location {controller} {number}:{location} does not exist.")
        place = (controller, number, location)
        if any((one["controller"], one["number"], one["location"]) == place
               for one in machine["disks"] + machine["dvds"]):  # fmt: skip
            raise invalid(f"The location {location} of controller {number} is in use.")
        if machine["generation"] == 2 and path.lower().endswith(".vhd"):
            raise invalid("A generation 2 virtual machine takes VHDX files only.")
        if not local(self.host, path).is_file():
            raise refused(f"Failed to add device. The system cannot find the file '{path}'.", "ObjectNotFound")
        used = [one["name"] for one in state["machines"].values() for disk in one["disks"] if same(disk["path"], path)]
        if used:
            raise refused(f"Failed to add device. The file '{path}' is attached to '{used[0]}'.", "OperationFailed")
        return {"id": str(uuid.uuid4()), "controller": controller, "number": number, "location": location, "path": path}

    def remove(self, call: Invocation) -> None:
        call.only("VMHardDiskDrive")
        with self.host.state() as state:
            refresh(self.host, state)
            for given in call.get("VMHardDiskDrive"):
                machine = state["machines"][given.hidden[0]]
                if machine["state"] != "Off":
                    call.fail(wrong_state(machine["name"]))
                    continue
                machine["disks"] = [one for one in machine["disks"] if one["id"] != given.hidden[1]]

    def dvds(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                for one in machine["dvds"]:
                    call.write(thing("DvdDrive", {
                        "VMName": machine["name"], "Path": one["path"], "ControllerNumber": one["number"],
                        "ControllerLocation": one["location"],
                    }, (machine["id"], one["id"])))  # fmt: skip

    def remove_dvd(self, call: Invocation) -> None:
        call.only("VMDvdDrive")
        with self.host.state() as state:
            for given in call.get("VMDvdDrive"):
                machine = state["machines"][given.hidden[0]]
                machine["dvds"] = [one for one in machine["dvds"] if one["id"] != given.hidden[1]]

    def controllers(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                for number in range(machine["controllers"]):
                    call.write(thing("VMScsiController", {"VMName": machine["name"], "ControllerNumber": number}))

    def add_controller(self, call: Invocation) -> None:
        call.only("VM", "VMName")
        with self.host.state() as state:
            for machine in chosen(call, state):
                if machine["controllers"] == 4:
                    call.fail(invalid("A virtual machine has at most four SCSI controllers."))
                else:
                    machine["controllers"] += 1

    # --- Virtual disks ---

    def new_vhd(self, call: Invocation) -> None:
        call.only("Path", "SizeBytes", "Fixed", "Dynamic")
        for path in call.get("Path"):
            try:
                self._created(call, path)
            except CmdletFault as error:
                call.fail(error)

    def _created(self, call: Invocation, path: str) -> None:
        target, size = local(self.host, path), call.get("SizeBytes")
        if target.suffix.lower() != ".vhdx":
            raise NotModelledError(f"New-VHD {path}")
        if target.exists():
            raise refused(f"The file '{path}' already exists.", "ResourceExists", "ResourceExists")
        if not target.parent.is_dir():
            raise refused(f"The system cannot find the path '{path}'.", "ObjectNotFound", "ObjectNotFound")
        if not 3 * 2**20 <= size <= _LARGEST:
            raise invalid(f"The size of '{path}' is not valid.")
        with self.host.state() as state:
            if call.get("Fixed") and size > self._free(state, path[0].upper()):
                raise refused(
                    f"There is not enough space on the disk for '{path}'.", "OperationFailed", "ResourceUnavailable"
                )
        # As in Windows, where every block of a fixed disk is there.
        subformat = "fixed,block_state_zero=off" if call.get("Fixed") else "dynamic"
        run(["qemu-img", "create", "-q", "-f", "vhdx", "-o", f"subformat={subformat}", str(target), str(size)])
        call.write(self._vhd(path))

    def _free(self, state: State, letter: str) -> int:
        """What is left of a drive. A fixed disk takes all its size, however sparse its file is here."""
        folder = self.host.drives / letter
        return int(max(0, state["capacity"].get(letter, 0) - used(folder)))

    def get_vhd(self, call: Invocation) -> None:
        call.only("Path")
        for path in call.get("Path"):
            try:
                call.write(self._vhd(path))
            except CmdletFault as error:
                call.fail(error)

    def _vhd(self, path: str) -> PsObject:
        target = local(self.host, path)
        if not target.is_file():
            raise _no_disk(path)
        kind = qemu.FORMATS.get(target.suffix.lower())
        if kind is None:
            raise invalid(f"'{path}' is no virtual hard disk.")
        command = ["qemu-img", "info", "-U", "-f", kind, "--output=json", str(target)]
        found = run(command, check=False)
        if found.returncode and target.is_file():
            raise refused(f"The file '{path}' is corrupted and unreadable.", "OperationFailed", "InvalidData")
        try:
            length = target.stat().st_size
        except FileNotFoundError:
            raise _no_disk(path) from None  # its machine has just moved away
        facts = json.loads(found.stdout)
        size = facts["virtual-size"]
        parent = facts.get("full-backing-filename")
        how = "Differencing" if parent else ("Fixed" if kind == "vhdx" and length >= size else "Dynamic")
        return PsObject("Microsoft.Vhd.PowerShell.VirtualHardDisk", Names({
            "Path": path, "VhdFormat": enum("VhdFormat", "VHD" if kind == "vpc" else "VHDX"),
            "VhdType": enum("VhdType", how), "FileSize": length, "Size": size, "LogicalSectorSize": 512,
            "PhysicalSectorSize": 4096, "ParentPath": self._windows(parent) if parent else "",
        }))  # fmt: skip

    def _windows(self, path: str) -> str:
        letter, *rest = Path(path).relative_to(self.host.drives).parts
        return f"{letter}:\\" + "\\".join(rest)

    # --- Files ---

    def test_path(self, call: Invocation) -> None:
        call.only("Path", "LiteralPath", "PathType")
        for path in self._paths(call):
            try:
                target = local(self.host, path)
            except CmdletFault:
                call.write(False)
                continue
            kinds = {"Leaf": target.is_file, "Container": target.is_dir, "Any": target.exists}
            call.write(kinds[call.get("PathType", "Any")]())

    def _paths(self, call: Invocation) -> list[str]:
        if "LiteralPath" in call.given:
            return list(call.get("LiteralPath"))
        found = list(call.get("Path"))
        if any(letter in path for path in found for letter in "*?["):
            raise NotModelledError("a path with a wildcard")
        return found

    def new_item(self, call: Invocation) -> None:
        call.only("Path", "ItemType", "Force")
        if str(call.get("ItemType")).lower() != "directory":
            raise NotModelledError("New-Item of something that is no directory")
        for path in self._paths(call):
            target = local(self.host, path)
            if target.exists() and not call.get("Force"):
                call.fail(_there(path))
                continue
            target.mkdir(parents=True, exist_ok=True)
            call.write(item(path, target))

    def get_item(self, call: Invocation) -> None:
        call.only("Path", "LiteralPath", "Force")
        for path in self._paths(call):
            target = local(self.host, path)
            if target.exists():
                call.write(item(path, target))
            else:
                call.fail(not_there(path))

    def remove_item(self, call: Invocation) -> None:
        call.only("Path", "LiteralPath", "Recurse", "Force", "Confirm")
        for path in self._paths(call):
            target = local(self.host, path)
            if not target.exists():
                call.fail(not_there(path))
            elif target.is_file():
                self._deleted(call, path, target)
            elif call.get("Recurse") or not any(target.iterdir()):
                shutil.rmtree(target)
            else:
                raise NotModelledError("Remove-Item of a folder with something in it, without -Recurse")

    def _deleted(self, call: Invocation, path: str, target: Path) -> None:
        with self.host.state() as state:
            refresh(self.host, state)
            used = any(same(disk["path"], path) for machine in state["machines"].values() for disk in machine["disks"]
                       if machine["state"] != "Off")  # fmt: skip
        if used:
            call.fail(CmdletFault(
                f"Cannot remove item {path}: The process cannot access the file '{path}' because it is being used by "
                "another process.", "RemoveFileSystemItemIOError", "WriteError", "System.IO.IOException"))  # fmt: skip
        else:
            target.unlink()


def item(path: str, target: Path) -> Any:
    kind = "System.IO.DirectoryInfo" if target.is_dir() else "System.IO.FileInfo"
    values: dict[str, Any] = {"FullName": path, "Name": path.rstrip("\\").rpartition("\\")[2],
                              "PSIsContainer": target.is_dir()}  # fmt: skip
    if target.is_file():
        values["Length"] = target.stat().st_size
    return PsObject(kind, Names(values), text=path)


def _no_disk(path: str) -> CmdletFault:
    return refused(
        f"Getting the mounted storage instance for the path '{path}' failed. The operation cannot be performed because "
        f"the object '{path}' was not found.",
        "ObjectNotFound",
        "ObjectNotFound",
    )


def not_there(path: str) -> CmdletFault:
    return CmdletFault(f"Cannot find path '{path}' because it does not exist.", "PathNotFound", "ObjectNotFound",
                       "System.Management.Automation.ItemNotFoundException")  # fmt: skip


def _there(path: str) -> CmdletFault:
    return CmdletFault(f"An item with the specified name {path} already exists.", "DirectoryExist", "ResourceExists",
                       "System.IO.IOException")  # fmt: skip
