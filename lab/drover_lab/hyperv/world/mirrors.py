"""A disk of a process that runs, mirrored by QEMU to another file, and the guest put upon that one.

A raw file stands in for a VHDX while its machine moves. Which of the two holds the bytes stands in the world's state,
and is changed there while the guest stands still: so whoever comes after a power cut takes the right one.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import refused
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host, State
from drover_lab.process import run

SUFFIX = ".moving"
_STEP = 0.05
_DEADLINE = 900.0

Tell = Callable[[float], None]


def until(done: Callable[[], bool]) -> None:
    """:raises CmdletFault: it takes too long."""
    end = time.monotonic() + _DEADLINE
    while not done():
        if time.monotonic() > end:
            raise refused("The move took too long.")
        time.sleep(_STEP)


def fresh() -> str:
    """A name for a block node."""
    return f"m{uuid.uuid4().hex[:12]}"


def node_of(monitor: qemu.Monitor, place: int) -> str:
    """The block node that a disk writes to."""
    return str(inserted(monitor, place)["node-name"])


def inserted(monitor: qemu.Monitor, place: int) -> dict[str, Any]:
    for block in monitor.ask("query-block"):
        if block.get("qdev", "").removeprefix("/machine/peripheral/").partition("/")[0] == f"hd{place}":
            return dict(block["inserted"])
    raise refused(f"The disk {place} is not there.")


def jobs_of(monitor: qemu.Monitor) -> list[dict[str, Any]]:
    return list(monitor.ask("query-block-jobs"))


def mirror(monitor: qemu.Monitor, source: str, target: str, speed: int = 0, tell: Tell | None = None) -> None:
    """Copies everything and keeps the copy equal. :param speed: bytes a second, 0 for no limit."""
    monitor.ask("blockdev-mirror", **{"job-id": target, "device": source, "target": target, "sync": "full",
                                      "speed": speed})  # fmt: skip

    def ready() -> bool:
        job = next((job for job in jobs_of(monitor) if job["device"] == target), None)
        if job is None:
            raise refused("The disk could not be copied.")
        if tell is not None:
            tell(job["offset"] / max(1, job["len"]))
        return bool(job["ready"])

    until(ready)


@contextmanager
def _still(monitor: qemu.Monitor) -> Iterator[None]:
    """The guest writes nothing meanwhile."""
    runs = monitor.ask("query-status")["status"] == "running"
    if runs:
        monitor.ask("stop")
    yield
    if runs:
        monitor.ask("cont")


class Disk:
    """One disk of a machine at one host, and the raw file that stands in for its VHDX.

    :param listed: whether the host has the machine in its list, or it is yet to come.
    """

    def __init__(self, host: Host, machine: State, place: int, *, listed: bool = True) -> None:
        self.host, self.machine, self.place, self.listed = host, machine, place, listed
        self.vhdx = local(host, machine["disks"][place]["path"])
        self.raw = self.vhdx.with_name(f"{self.vhdx.name}{SUFFIX}")

    @classmethod
    def coming(cls, host: Host, machine: State, place: int, like: Path) -> Self:
        """Of a machine that is yet to come. :param like: what its VHDX will look like."""
        found = cls(host, machine, place, listed=False)
        machine["disks"][place].update(raw=str(found.raw), like=str(like))
        return found

    def aside(self, monitor: qemu.Monitor, tell: Tell) -> None:
        """From now on the guest writes to the raw file."""
        with open(self.raw, "wb") as file:
            file.truncate(qemu.size_of(self.vhdx))
        self._onto(monitor, self.raw, "raw", tell)

    def back(self, monitor: qemu.Monitor) -> None:
        """From now on it writes to the VHDX."""
        self._onto(monitor, self.vhdx, "vhdx")
        self.raw.unlink()

    def repair(self) -> None:
        """The same without a process."""
        if self._drive().get("raw"):
            draft = self.vhdx.with_name(f"{self.vhdx.name}.draft{SUFFIX}")
            qemu.create_like(self.vhdx, draft)
            run(["qemu-img", "convert", "-n", "-f", "raw", "-O", "vhdx", str(self.raw), str(draft)], timeout=_DEADLINE)
            os.replace(draft, self.vhdx)
            self._write_to(None)
        self.raw.unlink(missing_ok=True)

    def _onto(self, monitor: qemu.Monitor, path: Path, driver: str, tell: Tell | None = None) -> None:
        before, after = node_of(monitor, self.place), fresh()
        file = {"driver": "file", "filename": str(path)}
        monitor.ask("blockdev-add", **{"node-name": after, "driver": driver, "file": file})
        mirror(monitor, before, after, tell=tell)
        with _still(monitor):
            monitor.ask("block-job-complete", device=after)
            until(lambda: not jobs_of(monitor))
            self._write_to(path if driver == "raw" else None)
        monitor.ask("blockdev-del", **{"node-name": before})

    def _drive(self) -> State:
        if not self.listed:
            return dict(self.machine["disks"][self.place])
        with self.host.state() as state:
            return dict(state["machines"][self.machine["id"]]["disks"][self.place])

    def _write_to(self, raw: Path | None) -> None:
        changes = {"raw": str(raw)} if raw else {}
        if self.listed:
            with self.host.state() as state:
                drive = state["machines"][self.machine["id"]]["disks"][self.place]
                drive.pop("raw", None)
                drive.update(changes)
        drive = self.machine["disks"][self.place]
        drive.pop("raw", None)
        drive.update(changes)
