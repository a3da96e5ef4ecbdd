"""A running machine goes from one host's QEMU to another's, with its disks: QEMU's own live migration.

QEMU moves no machine that writes to a VHDX file. So its disks are mirrored to raw files first, from there to the other
host's QEMU, and there into VHDX files again. Where a move ends early, the machine goes on at the source, upon its own
VHDX files: nothing of the move is left.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.world import arrivals, qemu
from drover_lab.hyperv.world.answers import refused
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host, State
from drover_lab.process import run

_STEP = 0.05
_DEADLINE = 900.0
_DISKS = 0.95  # of the way when they are there; the rest is memory
_ON_THE_WAY = ("setup", "active", "cancelling", "pre-switchover", "device")

Tell = Callable[[float], None]


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Somebody asked for the end of the move."""


def node_of(monitor: qemu.Monitor, place: int) -> str:
    """The block node that a disk writes to."""
    return str(_inserted(monitor, place)["node-name"])


def _inserted(monitor: qemu.Monitor, place: int) -> dict[str, Any]:
    for block in monitor.ask("query-block"):
        if block.get("qdev", "").removeprefix("/machine/peripheral/").partition("/")[0] == f"hd{place}":
            return dict(block["inserted"])
    raise refused(f"The disk {place} is not there.")


class Disk:
    """One disk of a machine at one host, and the raw file that stands in for its VHDX during the move."""

    def __init__(self, host: Host, machine: State, place: int) -> None:
        self.host, self.machine, self.place = host, machine, place
        self.vhdx = local(host, machine["disks"][place]["path"])
        self.raw = self.vhdx.with_name(f"{self.vhdx.name}.moving")

    def empty(self, size: int) -> None:
        self.raw.parent.mkdir(parents=True, exist_ok=True)
        with open(self.raw, "wb") as file:
            file.truncate(size)
        self.machine["disks"][self.place]["raw"] = str(self.raw)

    def to_vhdx(self, monitor: qemu.Monitor) -> None:
        self.onto(monitor, self.vhdx, "vhdx")
        self.raw.unlink()

    def onto(self, monitor: qemu.Monitor, path: Path, driver: str) -> None:
        before, after = node_of(monitor, self.place), _fresh()
        file = {"driver": "file", "filename": str(path)}
        monitor.ask("blockdev-add", **{"node-name": after, "driver": driver, "file": file})
        mirror(monitor, before, after)
        monitor.ask("block-job-complete", device=after)
        _until(lambda: not _jobs(monitor))
        monitor.ask("blockdev-del", **{"node-name": before})


def mirror(monitor: qemu.Monitor, source: str, target: str, speed: int = 0, tell: Tell | None = None) -> None:
    """Copies everything and keeps the copy equal. :param speed: bytes a second, 0 for no limit."""
    monitor.ask("blockdev-mirror", **{"job-id": target, "device": source, "target": target, "sync": "full",
                                      "speed": speed})  # fmt: skip

    def ready() -> bool:
        job = next((job for job in _jobs(monitor) if job["device"] == target), None)
        if job is None:
            raise refused("The disk could not be copied.")
        if tell is not None:
            tell(job["offset"] / max(1, job["len"]))
        return bool(job["ready"])

    _until(ready)


def _jobs(monitor: qemu.Monitor) -> list[dict[str, Any]]:
    return list(monitor.ask("query-block-jobs"))


def _fresh() -> str:
    return f"m{uuid.uuid4().hex[:12]}"


def _until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + _DEADLINE
    while not done():
        if time.monotonic() > until:
            raise refused("The move took too long.")
        time.sleep(_STEP)


@dataclass(frozen=True, slots=True)
class Journey:
    """One machine on its way.

    :param machine: at the source. :param there: the same at the target, with its own disks' paths.
    :param speed: bytes a second for the disks, 0 for no limit. :param tell: is told which part of the way is done.
    :param ended: whether somebody asked for the end.
    """

    source: Host
    machine: State
    target: Host
    there: State
    speed: int
    tell: Callable[[float], None]
    ended: Callable[[], bool]


def move(way: Journey) -> None:
    """Afterwards the machine runs at the target, and the source's process stands still for good.

    :raises CmdletFault, OSError, Cancelled: it goes on at the source.
    """
    places = range(len(way.machine["disks"]))
    mine = [Disk(way.source, way.machine, place) for place in places]
    theirs = [Disk(way.target, way.there, place) for place in places]
    sizes = [qemu.size_of(disk.vhdx) for disk in mine]
    with qemu.monitor(way.source, way.machine) as here:
        try:
            for disk, other, size in zip(mine, theirs, sizes, strict=True):
                other.empty(size)
                disk.empty(size)
                disk.onto(here, disk.raw, "raw")
            with _waiting(way) as arriving:
                _sent(here, arriving, way)
        except BaseException:
            _stay(here, way, mine, theirs)
            raise
    _settle(way, mine, theirs)


@contextmanager
def _waiting(way: Journey) -> Iterator[qemu.Monitor]:
    """The target's process, which waits for the memory and takes bytes for its disks."""
    nbd = way.target.running / f"{way.there['id']}.nbd"
    nbd.unlink(missing_ok=True)
    arrivals.ask(way.target, "start", way.there)
    with qemu.monitor(way.target, way.there) as arriving:
        arriving.ask("nbd-server-start", addr={"type": "unix", "data": {"path": str(nbd)}})
        for place in range(len(way.there["disks"])):
            arriving.ask("block-export-add", **{"type": "nbd", "id": f"e{place}", "name": f"e{place}",
                                                "node-name": f"disk{place}", "writable": True})  # fmt: skip
        yield arriving


def _sent(here: qemu.Monitor, arriving: qemu.Monitor, way: Journey) -> None:
    count = len(way.there["disks"])
    nbd = {"type": "unix", "path": str(way.target.running / f"{way.there['id']}.nbd")}
    copies = []
    for place in range(count):
        name = _fresh()
        here.ask("blockdev-add", **{"node-name": name, "driver": "nbd", "server": nbd, "export": f"e{place}"})
        copies.append(name)

        def tell(part: float, at: int = place) -> None:
            way.tell((at + part) / count * _DISKS)
            if way.ended():
                raise Cancelled

        mirror(here, node_of(here, place), name, way.speed, tell)
    memory = way.target.running / f"{way.there['id']}.memory"
    memory.unlink(missing_ok=True)
    arriving.ask("migrate-incoming", uri=f"unix:{memory}")
    switch = {"capability": "pause-before-switchover", "state": True}
    here.ask("migrate-set-capabilities", capabilities=[switch])
    here.ask("migrate", uri=f"unix:{memory}")
    _until(lambda: _switched(here, copies, way.ended))
    _until(lambda: arriving.ask("query-status")["status"] != "inmigrate")
    arriving.ask("nbd-server-stop")
    arriving.ask("cont")


def _switched(here: qemu.Monitor, copies: list[str], ended: Callable[[], bool]) -> bool:
    status = here.ask("query-migrate").get("status")
    if status == "pre-switchover":
        for name in copies:
            here.ask("block-job-cancel", device=name)  # a copy that is equal and stays so: the guest stands still
        _until(lambda: not _jobs(here))
        here.ask("migrate-continue", state="pre-switchover")
        return False
    if status in ("failed", "cancelled"):
        raise refused("The memory could not be moved.")
    if status != "completed" and ended():
        raise Cancelled
    return bool(status == "completed")


def _stay(here: qemu.Monitor, way: Journey, mine: list[Disk], theirs: list[Disk]) -> None:
    """The machine goes on where it was; the other host keeps nothing, also where the machine's own process is gone."""
    with suppress(OSError, CmdletFault):
        arrivals.ask(way.target, "kill", way.there)
    with suppress(CmdletFault):
        here.ask("migrate_cancel")
        _until(lambda: here.ask("query-migrate").get("status") not in _ON_THE_WAY)
    for job in _jobs(here):
        with suppress(CmdletFault):
            here.ask("block-job-cancel", device=job["device"], force=True)
    _until(lambda: not _jobs(here))
    for node in here.ask("query-named-block-nodes"):
        if node["drv"] == "nbd":
            with suppress(CmdletFault):
                here.ask("blockdev-del", **{"node-name": node["node-name"]})
    for disk in mine:
        if _inserted(here, disk.place)["file"] == str(disk.raw):
            disk.to_vhdx(here)
        disk.raw.unlink(missing_ok=True)
    if here.ask("query-status")["status"] != "running":
        here.ask("cont")
    for disk in theirs:
        disk.raw.unlink(missing_ok=True)
        with suppress(OSError):
            disk.raw.parent.rmdir()


def _settle(way: Journey, mine: list[Disk], theirs: list[Disk]) -> None:
    """What has arrived goes into VHDX files."""
    with qemu.monitor(way.target, way.there) as monitor:
        for disk, old in zip(theirs, mine, strict=True):
            _copy_shape(old.vhdx, disk.vhdx)
            disk.to_vhdx(monitor)
    for disk in mine:
        disk.raw.unlink(missing_ok=True)


def _copy_shape(old: Path, new: Path) -> None:
    """An empty VHDX of the same size, fixed or growing as the other one."""
    size = qemu.size_of(old)
    subformat = "fixed,block_state_zero=off" if old.stat().st_size >= size else "dynamic"
    run(["qemu-img", "create", "-q", "-f", "vhdx", "-o", f"subformat={subformat}", str(new), str(size)])


def copy_files(way: Journey) -> None:
    """A machine that is off: its files, byte by byte. Holes stay holes."""
    pairs = list(zip(way.machine["disks"], way.there["disks"], strict=True))
    for place, (old, new) in enumerate(pairs, 1):
        if way.ended():
            raise Cancelled
        path = local(way.target, new["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        run(["cp", "--sparse=always", str(local(way.source, old["path"])), str(path)], timeout=_DEADLINE)
        way.tell(place / len(pairs) * _DISKS)
