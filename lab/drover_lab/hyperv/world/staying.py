"""A machine whose move ended early goes on where it was, upon its own VHDX files, with all that its guest wrote."""

from contextlib import suppress

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.mirrors import SUFFIX, Disk, inserted, jobs_of, until
from drover_lab.hyperv.world.store import Host, State

_ON_THE_WAY = ("setup", "active", "cancelling", "pre-switchover", "device")
_SECONDS = 20.0


def stays(host: Host, machine: State) -> None:
    """Nothing of the move is left here, also where the machine's own process is gone; nothing where the machine is."""
    with host.state() as state:
        if machine["id"] not in state["machines"]:
            return
    disks = [Disk(host, machine, place) for place in range(len(machine["disks"]))]
    with suppress(OSError), qemu.monitor(host, machine) as here:
        _goes_on(here, disks)
        return
    if not qemu.ended(host, machine, _SECONDS):
        raise TimeoutError(f"the process of '{machine['name']}' does not answer")
    for disk in disks:
        disk.repair()


def after_power_cut(host: Host) -> None:
    """The host has power again, or a new process: what its moves left. What came to it stays half-made where it is."""
    with host.state() as state:
        machines = [dict(one) for one in state["machines"].values()]
    qemu.kill_all(host, keep=[one["id"] for one in machines])
    for machine in machines:
        if any("raw" in drive for drive in machine["disks"]):
            stays(host, machine)
    for path in host.drives.rglob(f"*{SUFFIX}"):
        path.unlink()


def _goes_on(here: qemu.Monitor, disks: list[Disk]) -> None:
    with suppress(CmdletFault):
        here.ask("migrate_cancel")
        until(lambda: here.ask("query-migrate").get("status") not in _ON_THE_WAY)
    for job in jobs_of(here):
        with suppress(CmdletFault):
            here.ask("block-job-cancel", device=job["device"], force=True)
    until(lambda: not jobs_of(here))
    # Where the memory had gone already, the files are its own again from here on.
    if here.ask("query-status")["status"] != "running":
        here.ask("cont")
    for disk in disks:
        if inserted(here, disk.place)["file"] == str(disk.raw):
            disk.back(here)
        disk.raw.unlink(missing_ok=True)
    for node in here.ask("query-named-block-nodes"):
        # Those that no disk uses any more: one that is in use is refused.
        if node["drv"] in ("nbd", "raw", "vhdx"):
            with suppress(CmdletFault):
                here.ask("blockdev-del", **{"node-name": node["node-name"]})
