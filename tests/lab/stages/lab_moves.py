"""A machine of the lab put through the stages one by one, without Airflow; each may be killed in the middle.

Run as a program it is one stage in a process of its own: `lab_moves.py LAB ROOT WAVE STAGE`.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from drover.hypervisors.connection import ConnectionSpec
from drover.migration import approval, decommission
from drover.migration.move import Move, open_move
from drover.migration.stage import Facts
from drover.waves.schema import Wave
from drover_lab import connections
from drover_lab.lab import Lab

STAGES = ("inventory", "preflight", "backup", "transfer", "validate", "trial", "cutover", "commit")
RUN = "run-1"
MIB = 1 << 20
SECONDS = 180.0


def _stage(name: str) -> Callable[[Move], Facts]:
    return lambda move: import_module(f"drover.migration.{name}").run(move)


def _approve(move: Move) -> Facts:
    """A person is asked and says yes."""
    if (known := approval.given(move)) is not None:
        return known
    approval.ask(move)
    answer = approval.Answer(approval.Choice.APPROVE, "Ann", datetime.now(UTC), "ann")
    return approval.answered(move, answer) or {}


def _decommission(move: Move) -> Facts:
    """With a person's yes, and no waiting time."""
    decommission.approved(move, RUN, "Ann", datetime.now(UTC), "ann")
    return decommission.run(move, RUN, 0)


# Those that are called in a way of their own.
STEPS: dict[str, Callable[[Move], Facts]] = {"approval": _approve, "decommission": _decommission}


class LabMove:
    """:param root: where its evidence lies. :param wave: as a wave file says it."""

    def __init__(self, lab: Lab, root: Path, wave: dict[str, Any]) -> None:
        self.lab = lab
        self.root = root
        self.wave = wave
        self.name = str(wave["machines"][0]["name"])

    def open(self) -> AbstractContextManager[Move]:
        wave = Wave.model_validate(self.wave)
        return open_move(wave, wave.machines[0].key, RUN, self._spec, self.root)

    def _spec(self, conn_id: str) -> ConnectionSpec:
        host = next(host for host in self.lab.hosts if host.connection_id == conn_id)
        return connections.spec(self.lab, host.name)

    def run(self, *stages: str) -> Facts:
        """Each in a move of its own, as each Airflow task does. :returns: the facts of the last."""
        facts: Facts = {}
        for stage in stages:
            with self.open() as move:
                facts = STEPS.get(stage, _stage(stage))(move)
        return facts

    def limit(self, rate: int | None) -> None:
        """Bytes a second from now on, also (within a second) for what runs already; None: as fast as it goes."""
        with self.open() as move:
            control = move.store.run.folder / "bandwidth"
        if rate is None:
            control.unlink(missing_ok=True)
        else:
            control.write_text(str(rate))

    def kill_when(self, stage: str, ready: Callable[[], bool]) -> None:
        """Runs a stage in a process of its own and kills it as soon as something is so."""
        with subprocess.Popen(
            [sys.executable, __file__, self.lab.name, str(self.root), json.dumps(self.wave), stage],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                wait_for(lambda: self.one_at_most() and (process.poll() is not None or ready()))
                ended = process.poll()
            finally:
                process.send_signal(signal.SIGKILL)
            _, told = process.communicate()
        assert ended is None, f"{stage} ended before it could be killed: {told[-2000:]}"

    # What is there, asked without Drover

    def one_at_most(self) -> bool:
        """Law: never two. True, so that it can be asked in a condition."""
        states = self.lab.states()
        assert [found.get(self.name) for found in states.values()].count("running") < 2, states
        return True

    def runs_at(self, host: str) -> bool:
        return self.lab.states()[host].get(self.name) == "running"

    def served(self, host: str) -> bool:
        """Whether a disk of the machine is served there."""
        return ".sock" in self.lab.run(host, ["sh", "-c", "ls -A /run/drover 2>/dev/null"], check=False)

    def backed_up(self) -> bool:
        return "Backup" in self.lab.virsh("kvm-a", "domjobinfo", self.name, check=False)

    def on_trial(self) -> bool:
        return any(name.startswith(f"{self.name}-") for name in self.lab.states()["kvm-b"])

    def leftovers(self) -> list[str]:
        """Servers, sockets, overlays, scratch files, trial machines and jobs, on both hosts; images being served here.

        Servers of this machine that die with their parent may take a moment.
        """
        script = (
            "pgrep -a qemu-nbd; ls -A /run/drover 2>/dev/null; find /var/lib/libvirt/qemu/drover-trial -type f;"
            "find /var/lib/libvirt -name '*drover*' -not -path '*/drover-trial*';"
            "virsh -q list --all --name | grep -e -drover-"
        )
        found = []
        for host in ("kvm-a", "kvm-b"):
            told = self.lab.run(host, ["sh", "-c", f"({script}) 2>/dev/null"], check=False)
            found += [f"{host}: {line}" for line in told.splitlines() if line.strip()]
            if self.runs_at(host) and "None" not in self.lab.virsh(host, "domjobinfo", self.name):
                found.append(f"{host}: {self.name} has a job")
        return found + [line for line in _processes() if str(self.root) in line]


def _processes() -> list[str]:
    told = subprocess.run(["ps", "-eo", "args", "--no-headers", "-ww"], capture_output=True, text=True, check=True)
    return [line for line in told.stdout.splitlines() if line.startswith(("qemu-nbd", "qemu-system"))]


def wait_for(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


if __name__ == "__main__":
    name, folder, text, what = sys.argv[1:]
    LabMove(Lab.load(name), Path(folder), json.loads(text)).run(what)
    os._exit(0)
