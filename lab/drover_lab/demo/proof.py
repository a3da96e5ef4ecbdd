"""Checks a finished wave from outside: nothing that Drover recorded is believed, everything is asked anew.

Each machine answers at the target with its data; its journal has no gap beyond the downtime that was reported;
its source is off, still defined and whole.
"""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from drover.errors import DroverError
from drover_lab.lab import Lab

# The guests write a tick a second, by a clock of whole seconds, and emulated ones may be late by some.
TICK_TOLERANCE = 3.0


@dataclass(frozen=True, slots=True)
class Move:
    """What was reported of a machine. :param began: when the wave began, seconds. :param downtime: seconds."""

    machine: str
    source: str
    target: str
    began: float
    downtime: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. :param problem: what is wrong, or nothing."""

    machine: str
    what: str
    problem: str = ""


def prove(lab: Lab, move: Move) -> Iterator[Finding]:
    """Everything that must hold of a moved machine."""
    for what, look in _LOOKS.items():
        try:
            problem = look(lab, move)
        except (DroverError, OSError, ValueError) as error:
            problem = f"it could not be looked at: {error}"
        yield Finding(move.machine, what, problem)


def _answers(lab: Lab, move: Move) -> str:
    health = lab.health(move.machine) or {}
    right = health.get("status") == "ok" and health.get("name") == move.machine
    return "" if right else f"it answers {health or 'nothing'}"


def _runs_at_target(lab: Lab, move: Move) -> str:
    state = lab.states().get(move.target, {}).get(move.machine, "not there")
    return "" if state == "running" else f"at {move.target} it is {state}"


def _source_is_left(lab: Lab, move: Move) -> str:
    state = lab.states().get(move.source, {}).get(move.machine, "not there")
    if state != "off":
        return f"at {move.source} it is {state}"
    info = lab.virsh(move.source, "dominfo", move.machine)
    automatic = any(line.startswith("Autostart:") and "disable" not in line for line in info.splitlines())
    return "it would start again with its host" if automatic else ""


def _kept_its_past(lab: Lab, move: Move) -> str:
    ticks = lab.journal(move.machine)
    numbers = [number for number, _ in ticks]
    if not any(when <= move.began for _, when in ticks):
        return "its journal does not reach back before the move"
    torn = next(((before, after) for before, after in pairwise(numbers) if after != before + 1), None)
    return f"its journal goes from tick {torn[0]} to tick {torn[1]}" if torn else ""


def _stood_still_no_longer(lab: Lab, move: Move) -> str:
    times = [when for _, when in lab.journal(move.machine) if when >= move.began - 1]
    if len(times) < 2:
        return "its journal has no ticks since the wave began"
    gap, since = max((after - before, before) for before, after in pairwise(times))
    allowed = 1 + move.downtime + TICK_TOLERANCE
    return f"{gap} s without a tick from {since} on, {move.downtime:g} s were reported" if gap > allowed else ""


def _source_is_whole(lab: Lab, move: Move) -> str:
    """Each image of the source is there, has its size, and is consistent in itself."""
    host = next(where for where in lab.hosts if where.name == move.source)
    machine = lab.machines[move.machine]
    for disk in machine.spec.disks:
        path = host.folder / "var-lib-libvirt/images" / machine.image_name(disk)
        problem = _image_problem(path, disk.format.value, disk.size)
        if problem:
            return f"disk {disk.name}: {problem}"
    return ""


def _image_problem(path: Path, kind: str, size: int) -> str:
    if not path.exists():
        return "its image is gone"
    if kind == "raw":
        return "" if path.stat().st_size == size else f"its image has {path.stat().st_size} bytes instead of {size}"
    checked = subprocess.run(["qemu-img", "check", "-q", "-f", kind, str(path)], capture_output=True, check=False)
    # 3: nothing is wrong but clusters that nothing refers to.
    return "" if checked.returncode in (0, 3) else f"qemu-img check: {checked.stdout.decode(errors='replace')[-200:]}"


_LOOKS: dict[str, Callable[[Lab, Move], str]] = {
    "runs at the target": _runs_at_target,
    "answers with its own name": _answers,
    "kept its journal": _kept_its_past,
    "stood still no longer than reported": _stood_still_no_longer,
    "source is off and will stay off": _source_is_left,
    "source has all its disks": _source_is_whole,
}
