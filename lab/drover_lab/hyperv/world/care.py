"""What the lab does to a host's machines beside PowerShell: how they are, taking them away, and what power brings."""

import contextlib
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.machines import refresh
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host, State, make_folders

_WORDS = {"Running": "running", "Paused": "paused", "Off": "off"}


def machines(host: Host) -> list[dict[str, Any]]:
    """Name, state (`running`, `paused`, `off` or `other`), and whether it starts with the host."""
    with host.state() as state:
        refresh(host, state)
        return [
            {
                "name": machine["name"],
                "state": _WORDS.get(machine["state"], "other"),
                "starts": machine["start"] != "Nothing",
            }
            for machine in state["machines"].values()
        ]


def remove(host: Host, names: Collection[str]) -> None:
    """Ends machines, whatever they do, and takes them away with all their files; no matter if there are none."""
    with host.state() as state:
        for machine in [one for one in state["machines"].values() if one["name"] in names]:
            _take_away(host, state, machine)


def clear(host: Host) -> None:
    """Every machine, and every file on the drives."""
    with host.state() as state:
        for machine in list(state["machines"].values()):
            _take_away(host, state, machine)
        for drive in host.drives.iterdir():
            for path in drive.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        make_folders(host.folder, host.name)


def boot(host: Host) -> None:
    """The host has power again: what ran is off, and what is to start by itself does."""
    with host.state() as state:
        for machine in state["machines"].values():
            ran = machine["state"] in ("Running", "Paused")
            if ran and qemu.record(host, machine) is not None:
                continue  # only the process of the host ended, and not the host
            if ran:
                machine["state"] = "Off"
            if machine["start"] == "Start" or (ran and machine["start"] == "StartIfRunning"):
                # One that cannot start keeps no other from it; Windows writes that into its event log.
                with contextlib.suppress(CmdletFault):
                    qemu.start(host, machine)


def _take_away(host: Host, state: State, machine: State) -> None:
    qemu.kill(host, machine)
    paths = [drive["path"] for drive in machine["disks"]]
    paths += [path for snapshot in machine["snapshots"] for path in snapshot["below"].values()]
    for path in paths:
        file = local(host, path)
        file.unlink(missing_ok=True)
        # What was made for this machine alone goes with it.
        with contextlib.suppress(OSError):
            file.parent.rmdir()
    for drive in machine["disks"]:
        if "raw" in drive:  # it was on its way
            Path(drive["raw"]).unlink(missing_ok=True)
    shutil.rmtree(local(host, machine["folder"]) / "Virtual Machines", ignore_errors=True)
    for path in (*host.running.glob(f"{machine['id']}.*"), *_nvram(host, machine)):
        path.unlink(missing_ok=True)
    del state["machines"][machine["id"]]
    make_folders(host.folder, host.name)


def _nvram(host: Host, machine: State) -> list[Path]:
    return list((host.folder / host.name).glob(f"{machine['id']}.*"))
