"""Checkpoints: what the guest writes goes into new files, and the old ones stand still.

QEMU writes no differencing VHDX. The new files are QCOW2 with the VHDX below them, under Hyper-V's suffix .avhdx.
"""

import json
import time
import uuid
from datetime import UTC, datetime

from drover_lab.hyperv.powershell.invocation import Invocation
from drover_lab.hyperv.powershell.values import PsObject
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import enum, refused, thing, wrong_state
from drover_lab.hyperv.world.devices import word
from drover_lab.hyperv.world.machines import chosen, refresh
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host, State
from drover_lab.process import run

_MERGE = 600.0
# What a checkpoint does not bring back.
_NOW = {"id", "name", "state", "snapshots", "disks"}


class Checkpoints:
    def __init__(self, host: Host) -> None:
        self.host = host

    def get(self, call: Invocation) -> None:
        call.only("VM", "VMName", "Name")
        with self.host.state() as state:
            for machine in chosen(call, state):
                for one in machine["snapshots"]:
                    if "Name" not in call.given or one["name"].lower() == call.get("Name").lower():
                        call.write(_described(machine, one))

    def make(self, call: Invocation) -> None:
        call.only("VM", "Name", "SnapshotName")
        with self.host.state() as state:
            refresh(self.host, state)
            for machine in chosen(call, state, by="Name"):
                if machine["checkpoints"] == "Disabled":
                    call.fail(refused(f"Checkpoints have been disabled for '{machine['name']}'.", "OperationFailed",
                                      "InvalidOperation"))  # fmt: skip
                    continue
                self._frozen(machine, call.get("SnapshotName") or f"{machine['name']} - checkpoint")

    def _frozen(self, machine: State, name: str) -> None:
        identity = str(uuid.uuid4())
        settings = json.loads(json.dumps({key: value for key, value in machine.items() if key not in _NOW}))
        below = {one["id"]: one["path"] for one in machine["disks"]}
        above = {one["id"]: f"{one['path'].rpartition('.')[0]}_{identity.upper()}.avhdx" for one in machine["disks"]}
        if machine["state"] == "Off":
            for drive in machine["disks"]:
                self._overlay(below[drive["id"]], above[drive["id"]])
        else:
            with qemu.monitor(self.host, machine) as monitor:
                nodes = _nodes(monitor)
                monitor.ask("transaction", actions=[
                    {"type": "blockdev-snapshot-sync", "data": {
                        "node-name": nodes[f"hd{place}"], "snapshot-file": str(local(self.host, above[drive["id"]])),
                        "format": "qcow2", "snapshot-node-name": f"s{identity[:8]}{place}"}}
                    for place, drive in enumerate(machine["disks"])])  # fmt: skip
        for drive in machine["disks"]:
            drive["path"] = above[drive["id"]]
        machine["snapshots"].append(
            {"id": identity, "name": name, "below": below, "created": datetime.now(UTC).isoformat(),
             "type": "Standard", "settings": settings}
        )  # fmt: skip

    def _overlay(self, below: str, above: str) -> None:
        base = local(self.host, below)
        run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", qemu.image_format(base),
             str(local(self.host, above))])  # fmt: skip

    def remove(self, call: Invocation) -> None:
        call.only("VMSnapshot", "Confirm")
        with self.host.state() as state:
            refresh(self.host, state)
            for given in call.get("VMSnapshot"):
                machine = state["machines"][given.hidden[0]]
                if [one["id"] for one in machine["snapshots"]] != [given.hidden[1]]:
                    raise NotModelledError("removing one of several checkpoints")
                self._merged(machine)

    def restore(self, call: Invocation) -> None:
        call.only("VMSnapshot", "Confirm")
        with self.host.state() as state:
            refresh(self.host, state)
            given = call.get("VMSnapshot")
            machine = state["machines"][given.hidden[0]]
            if machine["state"] != "Off":
                call.fail(wrong_state(machine["name"]))
                return
            if [one["id"] for one in machine["snapshots"]] != [given.hidden[1]]:
                raise NotModelledError("going back to one of several checkpoints")
            (snapshot,) = machine["snapshots"]
            for drive in machine["disks"]:
                local(self.host, drive["path"]).unlink()
                self._overlay(snapshot["below"][drive["id"]], drive["path"])
            machine.update(snapshot["settings"])

    def _merged(self, machine: State) -> None:
        """Hyper-V merges in the background; here it is done when the cmdlet ends."""
        (snapshot,) = machine["snapshots"]
        if machine["state"] != "Off":
            with qemu.monitor(self.host, machine) as monitor:
                for top in [_nodes(monitor)[f"hd{place}"] for place in range(len(machine["disks"]))]:
                    _commit(monitor, top)
        for drive in machine["disks"]:
            path = local(self.host, drive["path"])
            if machine["state"] == "Off":
                run(["qemu-img", "commit", "-q", "-f", "qcow2", str(path)], timeout=_MERGE)
            path.unlink()
            drive["path"] = snapshot["below"][drive["id"]]
        machine["snapshots"] = []


def _described(machine: State, one: State) -> PsObject:
    values = {"Id": uuid.UUID(one["id"]), "Name": one["name"], "VMName": machine["name"],
              "VMId": uuid.UUID(machine["id"]), "SnapshotType": word("SnapshotType", one["type"]),
              "CreationTime": datetime.fromisoformat(one["created"]), "State": enum("VMState", "Off")}  # fmt: skip
    return thing("VMSnapshot", values, (machine["id"], one["id"]))


def _nodes(monitor: qemu.Monitor) -> dict[str, str]:
    """Device -> the block node that it writes to."""
    return {
        block["qdev"].removeprefix("/machine/peripheral/").partition("/")[0]: block["inserted"]["node-name"]
        for block in monitor.ask("query-block")
        if "qdev" in block and "inserted" in block
    }


def _commit(monitor: qemu.Monitor, node: str) -> None:
    """Writes what lies in the newest file into the one below, and goes on with that."""
    monitor.ask("block-commit", **{"job-id": "merge", "device": node})
    until = time.monotonic() + _MERGE
    asked = False
    while jobs := monitor.ask("query-block-jobs"):
        # Once: asked again, it may be over by then, and what was merged would be told as not merged.
        if not asked and jobs[0]["ready"] and jobs[0]["status"] == "ready":
            monitor.ask("block-job-complete", device="merge")
            asked = True
        if time.monotonic() > until:
            raise refused("The checkpoint could not be merged in time.")
        time.sleep(0.05)
    if node in _nodes(monitor).values():
        raise refused("The checkpoint could not be merged.")
    if node.startswith("disk"):
        # The machine was started with the checkpoint: what its command line named stays until it is told to go, and
        # holds on to the file below.
        monitor.ask("blockdev-del", **{"node-name": node})
