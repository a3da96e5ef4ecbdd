"""Stages in processes that kill themselves at a named point: before or after a call, or after so many bytes.

Run as a program (`kill_points.py LAB ROOT`) it has everything imported, reads orders from its input, and carries
out each in a fork of its own: to start Python anew for each would take a second.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from lab_moves import LabMove

from drover_lab.lab import Lab

# What a host is asked for, counted by the side that is asked.
PORT = (
    *("machine", "find", "host", "power_state", "power_on", "resume", "shut_down", "power_off", "set_autostart"),
    *("read_disks", "write_disks", "release_disks", "translated", "define", "remove", "tag", "isolated_trial"),
    *("start_live", "live_status", "cancel_live", "retire"),
)
# What a call to a host is made of: module, and function in it.
INSIDE = (
    ("drover.hypervisors.libvirt.volumes", "create"),
    ("drover.hypervisors.libvirt.volumes", "delete"),
    ("drover.hypervisors.libvirt.define", "undefine"),
    ("drover.hypervisors.libvirt.nbd_server", "start"),
    ("drover.hypervisors.libvirt.nbd_server", "stop"),
    ("drover.hypervisors.libvirt.backup_job", "begin"),
    ("drover.hypervisors.libvirt.backup_job", "end_ours"),
    ("drover.hypervisors.libvirt.power", "_press"),
    ("drover.hypervisors.libvirt.counters", "read"),
    ("drover.hypervisors.libvirt.trial", "_prepare"),
    ("drover.hypervisors.libvirt.trial", "_start"),
    ("drover.migration.claims", "claim"),
    ("drover.migration.claims", "release"),
    ("drover.migration.compare", "both_ends"),
    ("drover.migration.rollback", "_forget"),
    ("drover.backups.seal", "write"),
)


@dataclass(frozen=True)
class Point:
    """Where a stage is killed.

    :param event: what is counted: `source.shut_down`, `record.passed`, `intent.begun`, `volumes.create`, `bytes`.
    :param after: once it was done, else right before.
    :param nth: at which of these; of `bytes`, at how many.
    :param since: of a rollback: the last stage that passed before it.
    :param wave: what is special about the wave, as `stones.stages` knows it.
    :param ending: `retry`, `rollback` or `both`, each after a kill of its own; nothing: by turns.
    """

    stage: str
    event: str
    after: bool = False
    nth: int = 1
    since: str = ""
    wave: str = ""
    ending: str = ""

    def __str__(self) -> str:
        words = (self.wave, self.stage, "after" if self.after else "before", self.event, str(self.nth), self.since)
        return "-".join(word for word in words if word)


@dataclass(frozen=True)
class Outcome:
    """:param killed: it was. :param told: why it failed, else nothing."""

    killed: bool
    told: str
    facts: dict[str, Any]


class Forks:
    """The prepared program, and orders to it."""

    def __init__(self, lab: Lab, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, lab.name, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def order(self, wave: dict[str, Any], *stages: str, kill: Point | None = None, helpers: bool = False) -> Outcome:
        """:param helpers: what the stage has started is killed with it, as by a worker that is taken down; without,
        as by the kernel that has no memory left."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"wave": wave, "stages": stages, "kill": asdict(kill) if kill else None, "helpers": helpers}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Outcome(**json.loads(self._process.stdout.readline()))


# In the fork


class Killer:
    def __init__(self, point: Point, helpers: bool) -> None:
        self._point = point
        self._helpers = helpers
        self._seen = 0
        self._armed = False

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        self._armed = stage == self._point.stage
        yield
        self._armed = False

    def count(self, event: str, after: bool, amount: int = 1) -> None:
        if not self._armed or (event, after) != (self._point.event, self._point.after):
            return
        self._seen += amount
        if self._seen >= self._point.nth:
            if self._helpers:
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Callable[..., Any], event: Callable[..., str]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            name = event(*arguments)
            self.count(name, after=False)
            done = work(*arguments, **named)
            self.count(name, after=True)
            return done

        return counted

    def lie_in_wait(self) -> None:
        """Wraps whatever can be a point; the work itself stays what it is."""
        from drover.blocks.throttle import Throttle
        from drover.evidence.store import MachineStore
        from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor
        from drover.migration import intents

        sides = {"lab_kvm_a": "source", "lab_kvm_b": "target"}
        for name in PORT:
            work = getattr(LibvirtHypervisor, name)
            setattr(LibvirtHypervisor, name, self.around(work, _of_side(sides, name)))
        for place, name in INSIDE:
            module = import_module(place)
            short = f"{place.rpartition('.')[2]}.{name.strip('_')}"
            setattr(module, name, self.around(getattr(module, name), lambda *_, short=short: short))
        MachineStore.record = self.around(  # type: ignore[method-assign]
            MachineStore.record, lambda _, step, outcome, *rest: f"record.{'begins' if outcome == 'info' else outcome}"
        )
        intents.declare = self.around(intents.declare, lambda _, intent: f"intent.{intent}")
        take = Throttle.take

        def taken(throttle: Throttle, count: int, *rest: Any) -> None:
            take(throttle, count, *rest)
            self.count("bytes", after=True, amount=count)

        Throttle.take = taken  # type: ignore[method-assign]


def _of_side(sides: dict[str, str], name: str) -> Callable[..., str]:
    return lambda host, *_: f"{sides[host.connection.ssh.spec.id]}.{name}"


def carry_out(lab: Lab, root: Path, order: dict[str, Any], pipe: int) -> None:
    """In the fork: the stages, each in a move of its own, and what became of them."""
    facts: dict[str, Any] = {}
    told = ""
    move = LabMove(lab, root, order["wave"])
    try:
        killer = Killer(Point(**order["kill"]), order["helpers"]) if order["kill"] else None
        if killer:
            killer.lie_in_wait()
        for stage in order["stages"]:
            with killer.during(stage) if killer else nullcontext():
                facts = move.run(stage)
    except Exception:  # noqa: BLE001  the test tells what it was
        told = traceback.format_exc()
    os.write(pipe, json.dumps({"told": told, "facts": facts}, default=str).encode())


def prepare() -> None:
    """Does once what every fork would have to do first: imports, and Great Expectations' own warming up."""
    from tqdm import tqdm

    from drover.migration import validate
    from drover.quality import application

    tqdm.monitor_interval = 0
    for name in ("libvirt", "paramiko", "pandas", "great_expectations", "drover.hypervisors.libvirt.hypervisor"):
        import_module(name)
    for package in ("quality", "migration"):
        for path in Path(validate.__file__).parents[1].glob(f"{package}/[a-z]*.py"):
            import_module(f"drover.{package}.{path.stem}")
    with tempfile.TemporaryDirectory() as scratch:
        application.validate([], Path(scratch))
    assert threading.active_count() == 1, "a fork would lose the other threads"
    # A pebble has no file systems, and to look for some takes an emulated appliance half a minute.
    known = validate._checks
    validate._checks = lambda move: [check for check in known(move) if check is not validate._guest_files]


def serve(lab: Lab, root: Path) -> None:
    for line in sys.stdin:
        ours, its = os.pipe()
        child = os.fork()
        if not child:
            os.setsid()
            sys.stdout = sys.stderr
            carry_out(lab, root, json.loads(line), its)
            os._exit(0)
        os.close(its)
        with open(ours, "rb") as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        sys.stdout.write(json.dumps({"killed": killed, **json.loads(text or b'{"told": "", "facts": {}}')}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    prepare()
    serve(Lab.load(sys.argv[1]), Path(sys.argv[2]))
