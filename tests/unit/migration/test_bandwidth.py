"""All machines of a run that move at once share the wave's bandwidth, whoever of them is killed."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_host import MIB

from conftest import Site
from drover.hypervisors.port import LiveState
from drover.migration import bandwidth
from drover.migration.bandwidth import FOLDER, shared

HERE = Path(__file__).parent
COPIER = """
import sys
from contextlib import ExitStack
from pathlib import Path
from drover.migration import bandwidth
from drover.migration.move import Move
from drover.waves.loader import load

wave = load(Path(sys.argv[1]))
move = Move(wave, wave.machines[1], "run-1", None, Path(sys.argv[2]), ExitStack())
with bandwidth.shared(move) as throttle:
    print(throttle.limit, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def limited(site: Site) -> Site:
    """Two machines under one limit of 8 MB/s."""
    site.wave["bandwidth"] = "8 MB/s"
    site.wave["machines"].append({**site.wave["machines"][0], "name": "db"})
    return site


def leftovers(site: Site) -> list[Path]:
    return [path for path in (site.root / "store" / FOLDER).rglob("*") if path.is_file()]


def eventually(what: Any, value: object) -> None:
    until = time.monotonic() + 10
    while what() != value and time.monotonic() < until:
        time.sleep(0.1)
    assert what() == value


@pytest.fixture
def copier(limited: Site, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that copies the wave's other machine."""
    path = tmp_path / "wave.yaml"
    with limited.move() as move:
        path.write_text(move.wave.model_dump_json())
    command = [sys.executable, "-c", COPIER, str(path), str(limited.root / "store")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_one_copy_has_all_and_leaves_nothing_behind(limited: Site) -> None:
    with limited.move() as move, shared(move) as throttle:
        assert throttle.limit == 8_000_000

    assert leftovers(limited) == []


def test_two_copies_have_half_each_until_one_is_killed(limited: Site, copier: "subprocess.Popen[str]") -> None:
    with limited.move() as move, shared(move) as throttle:
        assert throttle.limit == 8_000_000
        assert copier.stdout is not None
        assert copier.stdout.readline().strip() == "4000000"
        eventually(lambda: throttle.limit, 4_000_000)

        os.kill(copier.pid, signal.SIGKILL)
        copier.wait()

        eventually(lambda: throttle.limit, 8_000_000)
    assert leftovers(limited) == []


def test_a_live_move_counts_until_it_ended(limited: Site) -> None:
    live = dataclasses.replace(limited, machine=1)
    with limited.move() as move, live.move() as other, shared(move) as throttle:
        assert bandwidth.begin_live(other) == 4_000_000
        assert bandwidth.begin_live(other) == 4_000_000
        eventually(lambda: throttle.limit, 4_000_000)
        bandwidth.end_live(other)
        eventually(lambda: throttle.limit, 8_000_000)


@pytest.mark.parametrize("outcome", [LiveState.DONE, LiveState.FAILED])
def test_the_stages_end_a_live_moves_share(site: Site, outcome: LiveState) -> None:
    site.wave["machines"][0] |= {"strategy": "live"}
    site.run_until("transfer")
    site.source.outcome = outcome
    if outcome is LiveState.DONE:
        site.run("transfer")
    else:
        with pytest.raises(Exception, match="did not succeed"):
            site.run("transfer")
    assert leftovers(site) == []


def test_a_person_may_change_the_limit_of_a_run_on_the_way(limited: Site) -> None:
    with limited.move() as move, shared(move) as throttle:
        control = limited.root / "store" / "unit" / "run-1" / "bandwidth"
        control.parent.mkdir(parents=True, exist_ok=True)
        for text, value in (("1000", 1000), ("none", None), ("0", None), ("fast", 8_000_000)):
            control.write_text(text)
            eventually(lambda: throttle.limit, value)


def test_without_a_limit_there_is_none(site: Site) -> None:
    with site.move() as move, shared(move) as throttle:
        assert throttle.limit is None
        throttle.take(1000 * MIB)
