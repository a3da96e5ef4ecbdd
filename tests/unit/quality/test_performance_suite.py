"""The performance suite: what may grow, what may shrink, and what nobody could tell."""

from dataclasses import replace
from pathlib import Path

import pytest

from drover.hypervisors.counters import ALL, Usage
from drover.quality import performance

MIB = 2**20
BEFORE = Usage(
    seconds=300,
    cpu=1.0,
    memory=1000 * MIB,
    read_rate=4_000_000,
    write_rate=2_000_000,
    reads=100,
    writes=50,
    read_latency=0.010,
    write_latency=0.020,
    receive_rate=500_000,
    send_rate=800_000,
)
IDLE = Usage(300, 0.001, 200 * MIB, 0, 10, 0, 0.1, None, None, 100, 0)


def test_the_same_passes_and_so_does_better(tmp_path: Path) -> None:
    better = replace(BEFORE, cpu=0.5, write_latency=0.001, send_rate=9_000_000)
    assert performance.validate(BEFORE, BEFORE, 25, ALL, tmp_path).passed
    assert performance.validate(BEFORE, better, 25, ALL, tmp_path).passed


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cpu": 1.4}, "CPU time: 1.00 CPUs before, 1.40 CPUs after, at most 1.30 CPUs allowed."),
        ({"memory": 1400 * MIB}, "Memory: 1000 MiB before, 1400 MiB after, at most 1314 MiB allowed."),
        ({"write_latency": 0.05}, "Time of a write: 20.0 ms before, 50.0 ms after, at most 30.0 ms allowed."),
        ({"send_rate": 100_000}, "Sending: 800.0 kB/s before, 100.0 kB/s after, at least 580.0 kB/s allowed."),
        ({"reads": 10}, "Reads: 100.0 a second before, 10.0 a second after, at least 70.0 a second allowed."),
    ],
)
def test_what_is_worse_than_allowed_fails_and_says_by_how_much(
    tmp_path: Path, changes: dict[str, float], told: str
) -> None:
    verdict = performance.validate(BEFORE, replace(BEFORE, **changes), 25, ALL, tmp_path)
    assert not verdict.passed
    assert verdict.failures == (f"{told} See what else runs on the target's host and storage.",)


def test_an_idle_machine_need_not_be_as_idle_to_the_last_bit(tmp_path: Path) -> None:
    after = replace(IDLE, cpu=0.03, write_rate=60_000, receive_rate=0, write_latency=0.9)
    assert performance.validate(IDLE, after, 25, ALL, tmp_path).passed


def test_what_one_end_does_not_tell_fails(tmp_path: Path) -> None:
    verdict = performance.validate(BEFORE, replace(BEFORE, cpu=None), 25, ALL, tmp_path)
    assert not verdict.passed
    assert verdict.failures == (
        "Nobody could tell CPU time at the target, so it cannot be compared. Look at both hosts' own charts.",
    )


def test_without_network_adapters_there_is_no_network_to_compare(tmp_path: Path) -> None:
    alone = replace(BEFORE, receive_rate=None, send_rate=None)
    assert performance.validate(alone, alone, 25, ALL, tmp_path).passed


def test_nothing_measured_at_all_is_no_success(tmp_path: Path) -> None:
    nothing = Usage(300, None, None, None, None, None, None, None, None, None, None)
    assert not performance.validate(nothing, nothing, 25, ALL, tmp_path).passed


def test_what_is_not_to_be_compared_is_left_out(tmp_path: Path) -> None:
    after = replace(BEFORE, memory=5000 * MIB, read_latency=None, cpu=None)
    assert performance.validate(BEFORE, after, 25, ALL - {"memory", "read_latency", "cpu"}, tmp_path).passed
    assert not performance.validate(BEFORE, after, 25, ALL - {"read_latency", "cpu"}, tmp_path).passed
