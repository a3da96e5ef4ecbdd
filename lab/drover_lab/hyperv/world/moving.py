"""A running machine goes from one host's QEMU to another's, with its disks: QEMU's own live migration.

QEMU moves no machine that writes to a VHDX file. So its disks are mirrored to raw files first, from there to the other
host's QEMU, and there into VHDX files again, while the guest stands still. Only then does the other host have the
machine, from one moment to the next; where a move ends before, the machine goes on at the source (`staying`).
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drover.errors import DroverError
from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.world import arrivals, qemu
from drover_lab.hyperv.world.answers import refused
from drover_lab.hyperv.world.handover import hand_over
from drover_lab.hyperv.world.mirrors import Disk, fresh, jobs_of, mirror, node_of, until
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.staying import stays
from drover_lab.hyperv.world.store import Host, State
from drover_lab.process import run

_DEADLINE = 900.0
_DISKS = 0.95  # of the way when they are there; the rest is memory
_SWITCH = 0.99
_STEP = 0.05


class Cancelled(Exception):  # noqa: N818 - nothing went wrong
    """Somebody asked for the end of the move."""


class PowerLost(Exception):  # noqa: N818 - as above
    """The source has no power any more: whoever carries the move out is no more, and does nothing."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One machine on its way.

    :param machine: at the source. :param there: the same at the target, with its own disks' paths.
    :param speed: bytes a second for the disks, 0 for no limit. :param tell: is told which part of the way is done.
    :param power: raises `PowerLost`. :param look: the same, or `Cancelled`.
    :param held: whether a test has a move wait at this point.
    """

    source: Host
    machine: State
    target: Host
    there: State
    speed: int
    tell: Callable[[float], None]
    power: Callable[[], None]
    look: Callable[[], None]
    held: Callable[[str], bool]

    def wait(self, point: str, line: arrivals.Line) -> None:
        """For as long as a test wants it, and both hosts have power."""
        while self.held(point):
            self.look()
            if line.lost():
                return
            time.sleep(_STEP)


def move(way: Journey) -> None:
    """Afterwards the machine runs at the target, and at the source nothing does.

    :raises CmdletFault, OSError, Cancelled: it goes on at the source. :raises PowerLost: so it will, with its host.
    """
    try:
        _go(way)
    except BaseException:
        way.power()
        stays(way.source, way.machine)
        raise


def _go(way: Journey) -> None:
    places = range(len(way.machine["disks"]))
    mine = [Disk(way.source, way.machine, place) for place in places]
    with qemu.monitor(way.source, way.machine) as here:
        for disk in mine:
            disk.aside(here, lambda _: way.look())
        theirs = [Disk.coming(way.target, way.there, place, disk.vhdx) for place, disk in enumerate(mine)]
        with arrivals.Line(way.target, way.there, runs=True) as line:
            try:
                with qemu.monitor(way.target, way.there) as arriving:
                    _sent(here, arriving, way, line)
                    for disk in theirs:
                        disk.back(arriving)
                way.tell(_SWITCH)
                way.wait("switch", line)
            except (CmdletFault, OSError) as error:
                _require(line, error)
                raise
            _hand_over(way, line)
            way.wait("arrived", line)
    for disk in mine:
        disk.raw.unlink(missing_ok=True)


def _require(line: arrivals.Line, why: Exception | None = None) -> None:
    """:raises CmdletFault: the other host is gone, whatever it was that went wrong because of that."""
    if line.lost():
        raise refused(
            f"The connection to '{line.host.name}' was lost: An existing connection was forcibly closed by the remote "
            "host. (0x80072746)"
        ) from why


def _hand_over(way: Journey, line: arrivals.Line) -> None:
    def possible() -> None:
        way.power()
        _require(line)

    hand_over(way.source, way.target, way.there, possible)
    # It stands still for good.
    with suppress(DroverError):
        qemu.kill(way.source, way.machine)


def _sent(here: qemu.Monitor, arriving: qemu.Monitor, way: Journey, line: arrivals.Line) -> None:
    """The target's process takes bytes for its disks, and then the memory."""
    count = len(way.there["disks"])
    nbd = way.target.running / f"{way.there['id']}.nbd"
    nbd.unlink(missing_ok=True)
    arriving.ask("nbd-server-start", addr={"type": "unix", "data": {"path": str(nbd)}})

    def look() -> None:
        # A copy that is slow on purpose notices late that nobody takes it.
        way.look()
        _require(line)

    copies = []
    for place in range(count):
        name, export = fresh(), f"e{place}"
        arriving.ask("block-export-add", **{"type": "nbd", "id": export, "name": export, "node-name": f"disk{place}",
                                            "writable": True})  # fmt: skip
        here.ask("blockdev-add", **{"node-name": name, "driver": "nbd", "export": export,
                                    "server": {"type": "unix", "path": str(nbd)}})  # fmt: skip
        copies.append(name)

        def tell(part: float, at: int = place) -> None:
            look()
            way.tell((at + part) / count * _DISKS)

        mirror(here, node_of(here, place), name, way.speed, tell)
    memory = way.target.running / f"{way.there['id']}.memory"
    memory.unlink(missing_ok=True)
    arriving.ask("migrate-incoming", uri=f"unix:{memory}")
    switch = {"capability": "pause-before-switchover", "state": True}
    here.ask("migrate-set-capabilities", capabilities=[switch])
    here.ask("migrate", uri=f"unix:{memory}")
    until(lambda: _switched(here, copies, look))
    until(lambda: arriving.ask("query-status")["status"] != "inmigrate")
    arriving.ask("nbd-server-stop")


def _switched(here: qemu.Monitor, copies: list[str], look: Callable[[], None]) -> bool:
    status = here.ask("query-migrate").get("status")
    if status == "pre-switchover":
        for name in copies:
            here.ask("block-job-cancel", device=name)  # a copy that is equal and stays so: the guest stands still
        until(lambda: not jobs_of(here))
        here.ask("migrate-continue", state="pre-switchover")
        return False
    if status in ("failed", "cancelled"):
        raise refused("The memory could not be moved.")
    if status != "completed":
        look()
    return bool(status == "completed")


def copy_files(way: Journey) -> None:
    """A machine that is off: its files, byte by byte. Holes stay holes."""
    pairs = list(zip(way.machine["disks"], way.there["disks"], strict=True))
    with arrivals.Line(way.target, way.there, runs=False) as line:
        for place, (old, new) in enumerate(pairs, 1):
            way.look()
            _require(line)
            command: list[Any] = ["cp", "--sparse=always", local(way.source, old["path"]), _path(way.target, new)]
            run([str(one) for one in command], timeout=_DEADLINE)
            way.tell(place / len(pairs) * _DISKS)
        _hand_over(way, line)


def _path(host: Host, drive: State) -> Path:
    return local(host, drive["path"])
