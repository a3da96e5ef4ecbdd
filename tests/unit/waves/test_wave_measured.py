"""Speeds out of the evidence of earlier runs."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from drover.evidence.store import RunStore
from drover.model import Strategy
from drover.waves import measured
from drover.waves.speeds import FIXED, MIB, READ_RATE

BIG = 1024 * MIB
COLD = ("a", "b", Strategy.COLD)
LIVE = ("a", "b", Strategy.LIVE)


class Run:
    """One run in a store; each step gets the seconds that it is said to have taken."""

    def __init__(self, root: Path, name: str = "run 1") -> None:
        self.store = RunStore(root, "w", name)

    def step(self, machine: str, step: str, took: float, outcome: str = "passed", **facts: Any) -> None:
        began = (datetime.now(UTC) - timedelta(seconds=took)).timestamp()
        self.store.machine(machine).record(step, outcome, facts, began)  # type: ignore[arg-type]

    def cold(self, machine: str, seconds: float = 20.0, rate: float = 100.0, data: int = BIG, **ends: str) -> "Run":
        """:param rate: MiB/s of its copies. :param seconds: what its validation takes beside the bytes."""
        facts = {"bytes_allocated": data, "memory": MIB} | ({"from": "a", "to": "b"} | ends)
        copied = {"bytes_read": data, "bytes_written": data, "bytes_resumed": 0, "seconds": data / MIB / rate}
        self.step(machine, "inventory", 3.0, **facts)
        self.step(machine, "backup", 60.0, **copied)
        self.step(machine, "transfer", 60.0, strategy="cold", **copied)
        self.step(machine, "validate", seconds + data / MIB / rate / 2)
        self.step(machine, "test", 9.0)
        return self


def test_the_first_wave_of_a_site_is_estimated_from_defaults(tmp_path):
    known = measured.read(tmp_path / "none")
    assert (known.pairs, known.machines) == ({}, {})
    assert known.of("a", "b", Strategy.COLD, "web").read == READ_RATE


def test_rates_and_times_are_those_of_the_middle_one(tmp_path):
    for number, (seconds, rate) in enumerate([(10.0, 50.0), (30.0, 100.0), (90.0, 400.0)]):
        Run(tmp_path, f"run {number}").cold(f"m{number}", seconds, rate)
    speeds = measured.read(tmp_path).pairs[COLD]
    assert speeds.runs == 3
    assert speeds.copy == pytest.approx(100 * MIB, rel=0.01)
    assert speeds.read == pytest.approx(200 * MIB, rel=0.01)
    assert speeds.fixed["test"] == pytest.approx(9.0, abs=0.2)
    assert speeds.fixed["validate"] == pytest.approx(30.0, abs=1.0)
    assert "cutover" not in speeds.fixed, "nobody saw one, so its default stays"
    assert speeds.seconds(Strategy.COLD, "cutover") > FIXED[Strategy.COLD]["cutover"]


def test_a_machine_that_was_moved_before_is_expected_to_do_as_it_did(tmp_path):
    run = Run(tmp_path).cold("slow", 200.0).cold("quick", 10.0).cold("third", 10.0)
    known = measured.read(tmp_path)
    assert known.of("a", "b", Strategy.COLD, "slow").fixed["validate"] == pytest.approx(200, abs=1)
    assert known.of("a", "b", Strategy.COLD, "new").fixed["validate"] == pytest.approx(10, abs=1)
    assert known.of("b", "a", Strategy.COLD, "slow").fixed == {}, "the other way is another link"
    assert run.store.folder.exists()


def test_a_small_copy_does_not_tell_a_rate_but_what_the_step_took(tmp_path):
    Run(tmp_path).cold("tiny", rate=1.0, data=8 * MIB)
    speeds = measured.read(tmp_path).pairs[COLD]
    assert speeds.read == READ_RATE
    assert speeds.fixed["transfer"] == pytest.approx(60, abs=1)


def test_a_step_that_did_not_do_all_of_its_work_tells_nothing(tmp_path):
    run = Run(tmp_path).cold("web")
    copied = {"bytes_read": BIG, "bytes_written": BIG, "seconds": 0.001}
    run.step("web", "backup", 0.1, reused=True, **copied)
    run.step("web", "transfer", 0.1, strategy="cold", bytes_resumed=5, **copied)
    run.step("web", "test", 0.1, skipped="no test_network")
    run.step("web", "validate", 0.1, outcome="failed", message="It differs.")
    speeds = measured.read(tmp_path).pairs[COLD]
    assert speeds.copy == READ_RATE / 2, "neither of the copies was a whole one"
    assert {"backup", "transfer", "test"}.isdisjoint(speeds.fixed)
    assert speeds.fixed["validate"] > 1, "that of the try which passed"


def test_a_live_move_is_measured_from_its_beginning(tmp_path):
    run = Run(tmp_path)
    run.step("web", "inventory", 1.0, bytes_allocated=BIG, memory=BIG, **{"from": "a", "to": "b"})
    run.step("web", "transfer-begin", 50.0, strategy="live")
    run.step("web", "transfer", 2.0, strategy="live", bytes_read=3 * BIG, bytes_written=3 * BIG, seconds=30.0)
    speeds = measured.read(tmp_path).pairs[LIVE]
    assert speeds.live == pytest.approx(3 * BIG / 30)
    assert speeds.rewrites == pytest.approx(1.5), "what the guest wrote meanwhile went over the link again"
    assert speeds.fixed["transfer"] == pytest.approx(20, abs=1)


@pytest.mark.parametrize(("strategy", "known"), [("cold", {"transfer", "validate", "test"}), ("live", {"validate"})])
def test_a_rehearsal_tells_what_it_does_as_the_move_does_it(tmp_path, strategy, known):
    run = Run(tmp_path)
    run.step("web", "inventory", 1.0, bytes_allocated=1, memory=1, **{"from": "a", "to": "b"})
    times = {"backup": 1.0, "transfer": 300.0, "validate": 70.0, "test": 33.0}
    run.step("web", "rehearsal", 404.0, strategy=strategy, seconds=times)
    speeds = measured.read(tmp_path).of("a", "b", Strategy(strategy), "web")
    assert {step for step in times if step in speeds.fixed} == known
    assert speeds.fixed["validate"] == pytest.approx(70, abs=0.5)


def test_what_cannot_be_read_is_passed_over_and_said(tmp_path, caplog):
    good, bad = Run(tmp_path, "good").cold("web"), Run(tmp_path, "bad").cold("web")
    (bad.store.machine("web").folder / "records.jsonl").write_text('{"sequence": 7}\n')
    older = RunStore(tmp_path, "w", "older").machine("web")
    older.record("inventory", "passed", {"bytes_allocated": 1, "memory": 1})
    older.record("transfer", "passed", {"strategy": "cold"})
    assert measured.read(tmp_path).pairs[COLD].runs == 1
    assert "left out of the estimate" in caplog.text
    assert good.store.folder.exists()


def test_only_the_newest_runs_are_read(tmp_path):
    for number in range(3):
        run = Run(tmp_path, f"run {number}").cold("web", float(10 * number))
        os.utime(run.store.folder / ".run.json", (number, number))
    assert measured.read(tmp_path, runs=1).pairs[COLD].fixed["validate"] == pytest.approx(20, abs=1)
    assert json.loads((run.store.folder / ".run.json").read_text())["run"] == "run 2"
