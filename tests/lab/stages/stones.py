"""Pebbles put through the stages again and again, each time from where it matters."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kill_points import Forks, Point
from lab_moves import _processes, wait_for
from pebble import AWAY, HOME, NAME, Count, Pebble, Seen
from watch import Watch

from drover_lab.lab import Lab

# Those that leave the source running, and the target alone.
STILL = ("inventory", "preflight", "backup")
ORDER = (
    *("inventory", "preflight", "baseline", "backup", "restore_test", "window", "transfer", "validate", "trial"),
    *("approval", "cutover", "performance", "commit", "decommission"),
)
# What only a special wave has.
SPECIAL = {
    "restore_test": ("restore_test",),
    "window": ("window",),
    "approval": ("approval",),
    "performance": ("baseline", "performance"),
    "retire": ("decommission",),
}
# How many of the first stages do the same in it as in any other; all of `STILL` where it is not named.
ALIKE = {"window": 1, "performance": 2, "off": 0}


def _clock(hours: int) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}"


SETTINGS: dict[str, dict[str, Any]] = {
    # Open now, and for as long as a test may take.
    "window": {"window": {"opens": _clock(hours=-2), "closes": _clock(hours=18), "timezone": "UTC"}},
    "approval": {"approval": {"approvers": ["ann"]}},
    # Where everything is emulated, at times by a busy machine, figures say nothing; that is asked elsewhere.
    "performance": {"performance": {"baseline": "1 s", "tolerance": "1000 %"}},
}


def stages(special: str) -> tuple[str, ...]:
    asked = {name for names in SPECIAL.values() for name in names} - set(SPECIAL.get(special, ()))
    return tuple(name for name in ORDER if name not in asked)


def before(point: Point) -> tuple[str, ...]:
    """The stages that have passed when the point's begins."""
    known = stages(point.wave)
    return known[: known.index(point.since) + 1 if point.since else known.index(point.stage)]


class Stones:
    """Where the pebble is moved, and what is kept of its first stages, which leave it running at home."""

    def __init__(self, lab: Lab, folder: Path, forks: Forks, watch: Watch) -> None:
        self.pebble = Pebble(lab)
        self.forks = forks
        self.watch = watch
        # How often it had been booted when its run began.
        self.boots = 0
        self.hits: list[Point] = []
        self._folder = folder
        self._kept = folder / "kept"
        self._clean = False

    @property
    def root(self) -> Path:
        return self._folder / "now/store"

    @property
    def backups(self) -> Path:
        return self._folder / "now/backup"

    def wave(self, special: str = "") -> dict[str, Any]:
        test = {"test_network": "isolated"} if special in ("trial", "restore_test") else {}
        places = {"networks": {"production": "production"}, "storage": {"default": "default"}} | test
        backup = {"folder": str(self.backups)}
        how = {"strategy": "live" if special in ("live", "paused") else "cold"}
        machine = {"name": NAME, "shutdown_deadline": "15 s", "compare_at_switchover": special == "paused"} | how
        return {
            "wave": "stones",
            "source": "lab_kvm_a",
            "target": "lab_kvm_b",
            "mappings": places,
            "backup": backup | ({"restore_test": "all"} if special == "restore_test" else {}),
            "machines": [machine],
            **SETTINGS.get(special, {}),
        }

    def run(self, special: str, *stages: str) -> None:
        measured = stages.index("performance") if "performance" in stages else len(stages)
        for part in (stages[:measured], stages[measured:]):
            if "performance" in part:
                # It boots at the cost of a whole CPU; with a check of its own it would be waited for by the cutover.
                self.pebble.wait_up(AWAY)
            if part:
                outcome = self.forks.order(self.wave(special), *part)
                assert outcome.told == "", outcome.told

    def keep(self) -> None:
        """What the stages that change nothing leave, so that each is run once for all points."""
        self.pebble.reset()
        self._begin(None)
        for stage in STILL:
            shutil.copytree(self._folder / "now", self._kept / stage)
            self.run("", stage)
        shutil.copytree(self._folder / "now", self._kept / "still")
        self._clean = True

    def begin(self, point: Point) -> None:
        """As it is right before the point's stage."""
        ahead = before(point)
        alike = min(ALIKE.get(point.wave, len(STILL)), len(ahead))
        self.begin_at((*STILL, "still")[alike])
        if point.wave == "off":
            self.pebble.lab.virsh(HOME, "destroy", NAME)
        self.run(point.wave, *ahead[alike:])

    def begin_at(self, stage: str) -> None:
        """The pebble at home as it was made, and of its run the stages before this one that change nothing."""
        if not self._clean:
            self.pebble.reset()
        self._clean = False
        self._begin(self._kept / (stage if stage in STILL else "still"))
        self.boots = Count.of(self.pebble.images(HOME) / f"{NAME}.img").boots

    def _begin(self, kept: Path | None) -> None:
        now = self._folder / "now"
        shutil.rmtree(now, ignore_errors=True)
        if kept:
            shutil.copytree(kept, now)
        else:
            (now / "backup").mkdir(parents=True)

    def ended(self) -> tuple[Seen, Seen]:
        """Both hosts, once nothing of a killed stage is left: what dies with its parent may take a moment."""
        looks: list[tuple[Seen, Seen]] = []

        def quiet() -> bool:
            here, there = pool.map(self.pebble.seen, (HOME, AWAY))
            looks.append((here, there))
            left = [*looks[-1][0].leftovers, *looks[-1][1].leftovers]
            return not left and not [line for line in _processes() if str(self._folder) in line]

        with ThreadPoolExecutor(2) as pool:
            wait_for(quiet, 60)
        return looks[-1]

    def settle(self, here: Seen, there: Seen) -> None:
        """Where it is home as it was, and was never elsewhere, it need not be reset."""
        if (here.state, here.tagged, there.state) == ("running", "", "absent") and not self.pebble.ran(AWAY):
            self.pebble.wait_up(HOME)
            self._clean = True
