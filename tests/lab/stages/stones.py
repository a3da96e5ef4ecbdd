"""Pebbles put through the stages again and again, each time from where it matters."""

import shutil
from pathlib import Path
from typing import Any

from kill_points import Forks, Point
from lab_moves import _processes, wait_for
from pebble import AWAY, HOME, NAME, Pebble, Seen

from drover_lab.lab import Lab

# Those that leave the source running, and the target alone.
STILL = ("inventory", "preflight", "backup")


def stages(special: str) -> tuple[str, ...]:
    test = ("restore_test",) if special == "restore_test" else ()
    return (*STILL, *test, "transfer", "validate", "trial", "cutover", "commit")


def before(point: Point) -> tuple[str, ...]:
    """The stages that have passed when the point's begins."""
    known = stages(point.wave)
    return known[: known.index(point.since) + 1 if point.since else known.index(point.stage)]


class Stones:
    """Where the pebble is moved, and what is kept of its first stages, which leave it running at home."""

    def __init__(self, lab: Lab, folder: Path, forks: Forks) -> None:
        self.pebble = Pebble(lab)
        self.forks = forks
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
        machine = {"name": NAME, "strategy": "live" if special == "live" else "cold", "shutdown_deadline": "15 s"}
        return {
            "wave": "stones",
            "source": "lab_kvm_a",
            "target": "lab_kvm_b",
            "mappings": places,
            "backup": backup | ({"restore_test": "all"} if special == "restore_test" else {}),
            "machines": [machine],
        }

    def run(self, special: str, *stages: str) -> None:
        outcome = self.forks.order(self.wave(special), *stages)
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
        self.begin_at(point.stage)
        self.run(point.wave, *(stage for stage in before(point) if stage not in STILL))

    def begin_at(self, stage: str) -> None:
        """The pebble at home as it was made, and of its run the stages before this one that change nothing."""
        if not self._clean:
            self.pebble.reset()
        self._clean = False
        self._begin(self._kept / (stage if stage in STILL else "still"))

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
            looks.append((self.pebble.seen(HOME), self.pebble.seen(AWAY)))
            left = [*looks[-1][0].leftovers, *looks[-1][1].leftovers]
            return not left and not [line for line in _processes() if str(self._folder) in line]

        wait_for(quiet, 60)
        return looks[-1]

    def settle(self, here: Seen, there: Seen) -> None:
        """Where it is home as it was, and was never elsewhere, it need not be reset."""
        if (here.state, here.tagged, there.state) == ("running", "", "absent") and not self.pebble.ran(AWAY):
            self.pebble.wait_up(HOME)
            self._clean = True
