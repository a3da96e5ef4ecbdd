"""Checks a finished wave from outside: nothing that Drover said of it is believed, everything is asked anew.

Each machine answers at the target with its data, every file that it was made with among them; its journal has no gap
beyond the downtime that was reported; its source is off, still defined and whole, and so is its backup; what was made
to try it is gone.
"""

import os
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from drover.errors import DroverError
from drover.evidence.files import safe_name
from drover_lab.demo import sources
from drover_lab.demo.ends import Image, end
from drover_lab.images import cache, listing
from drover_lab.lab import Lab

# The guests write a tick a second, by a clock of whole seconds, and emulated ones may be late by some.
TICK_TOLERANCE = 3.0
# What a guest writes, and what its file systems come with.
_GUESTS_OWN = {"/", "/var/log/tick.journal", "/lost+found", "/srv/more/lost+found"}
_FILES_SECONDS = 300.0
_NAMED = 3
# What a machine's disks and variables are kept in; a host keeps a log of each machine that it ever ran.
_DISKS = {".qcow2", ".raw", ".img", ".vmdk", ".vhdx", ".avhdx", ".fd", ".nvram"}


@dataclass(frozen=True, slots=True)
class Move:
    """What was reported of a machine.

    :param began: when the wave began, seconds. :param downtime: seconds. :param backup: the folder that it is in.
    :param still: the folder of the manifests of the source as it was when it was off, where it was read then.
    :param taken_along: the platform's own move takes the machine away; its backup is what stays behind.
    """

    machine: str
    source: str
    target: str
    began: float
    downtime: float
    backup: Path
    still: Path | None
    taken_along: bool = False


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
        except (DroverError, OSError, ValueError, tarfile.TarError) as error:
            problem = f"it could not be looked at: {error}"
        yield Finding(move.machine, what, problem)


def _answers(lab: Lab, move: Move) -> str:
    health = lab.health(move.machine) or {}
    right = health.get("status") == "ok" and health.get("name") == move.machine
    return "" if right else f"it answers {health or 'nothing'}"


def _runs_at_target(lab: Lab, move: Move) -> str:
    state = end(lab, move.target).state(move.machine)
    return "" if state == "running" else f"at {move.target} it is {state}"


def _source_is_left(lab: Lab, move: Move) -> str:
    source = end(lab, move.source)
    state = source.state(move.machine)
    if move.taken_along:
        return "" if state == "not there" else f"at {move.source} it is still {state}"
    if state != "off":
        return f"at {move.source} it is {state}"
    return "it would start again with its host" if source.starts_by_itself(move.machine) else ""


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


def _has_its_files(lab: Lab, move: Move) -> str:
    """Read by the guest itself, from its disks at the target."""
    guest = lab.machines[move.machine]
    seeded = cache.seeded(guest, lab.topology.state.slot)
    with urllib.request.urlopen(f"{guest.url}/files", timeout=_FILES_SECONDS) as answer:
        return files_problem(seeded, listing.listed(answer))


def files_problem(seeded: listing.Listing, found: listing.Listing) -> str:
    """How what a guest has differs from what it was made with."""
    wrong = {
        "missing": seeded.keys() - found.keys(),
        "changed": {path for path in seeded.keys() & found.keys() if seeded[path] != found[path]},
        "never put there": found.keys() - seeded.keys() - _GUESTS_OWN,
    }
    return "; ".join(
        f"{len(paths)} files {how}: {', '.join(sorted(paths)[:_NAMED])}" for how, paths in wrong.items() if paths
    )


def _source_is_whole(lab: Lab, move: Move) -> str:
    """Each image of the source is there, has its size, and is consistent in itself."""
    guest = lab.machines[move.machine]
    sizes = {disk.name: disk.size for disk in guest.spec.disks}
    for name, image in _left_behind(lab, move).items():
        problem = _image_problem(image, sizes[name])
        if problem:
            return f"disk {name}: {problem}"
    return ""


def _source_is_as_it_was(lab: Lab, move: Move) -> str:
    guest = lab.machines[move.machine]
    images = _left_behind(lab, move)
    paths = cache.images(guest, lab.topology.state.slot, lambda _: None)
    made = {disk.name: Image(paths[disk.name], disk.format.value) for disk in guest.spec.disks}
    return "; ".join(sources.problems(images, made, move.backup, move.still))


def _left_behind(lab: Lab, move: Move) -> dict[str, Image]:
    guest = lab.machines[move.machine]
    if move.taken_along:
        return {disk.name: Image(move.backup / f"{safe_name(disk.name)}.qcow2", "qcow2") for disk in guest.spec.disks}
    return end(lab, move.source).images(guest)


def _image_problem(image: Image, size: int) -> str:
    path, kind = image
    if not path.exists():
        return "its image is gone"
    if kind == "raw":
        return "" if path.stat().st_size == size else f"its image has {path.stat().st_size} bytes instead of {size}"
    checked = subprocess.run(["qemu-img", "check", "-q", "-f", kind, str(path)], capture_output=True, check=False)
    # 3: nothing is wrong but clusters that nothing refers to.
    return "" if checked.returncode in (0, 3) else f"qemu-img check: {checked.stdout.decode(errors='replace')[-200:]}"


def _left_nothing(lab: Lab, move: Move) -> str:
    """A trial, and a machine made of the backup, are called as the machine is and more."""
    start, found = f"{move.machine}-drover-", []
    for host in (move.source, move.target):
        found += [name for name in lab.states().get(host, {}) if name.startswith(start)]
        # A folder that goes while this looks holds nothing.
        files = [name for _, _, names in os.walk(lab.topology.host(host).folder) for name in names]
        found += sorted(name for name in files if name.startswith(start) and Path(name).suffix in _DISKS)
    return f"there is still {', '.join(found)}" if found else ""


_LOOKS: dict[str, Callable[[Lab, Move], str]] = {
    "runs at the target": _runs_at_target,
    "answers with its own name": _answers,
    "kept its journal": _kept_its_past,
    "stood still no longer than reported": _stood_still_no_longer,
    "source is off and will stay off": _source_is_left,
    "has every file that it was made with": _has_its_files,
    "source has all its disks": _source_is_whole,
    "source and backup are as they were": _source_is_as_it_was,
    "nothing of its trials is left": _left_nothing,
}
