import threading
import time
from pathlib import Path

import pytest

from drover.blocks.meter import Meter
from drover.blocks.throttle import Throttle
from drover.model import Progress

MIB = 1 << 20


def seconds(work: object) -> float:
    started = time.monotonic()
    work()  # type: ignore[operator]
    return time.monotonic() - started


def take_in_threads(throttle: Throttle, threads: int, each: int, times: int) -> None:
    workers = [threading.Thread(target=lambda: [throttle.take(each) for _ in range(times)]) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_no_limit_costs_nothing() -> None:
    assert seconds(lambda: [Throttle().take(MIB) for _ in range(1000)]) < 0.5


def test_threads_share_one_limit_and_use_it() -> None:
    total, limit = 40 * MIB, 40 * MIB
    took = seconds(lambda: take_in_threads(Throttle(limit), 4, MIB, 10))
    # The last request's debt is not waited for, and 0.2 s may be caught up: no less than the rest of a second.
    assert 0.75 < took < 1 / 0.95 + 0.1, f"{total / took / limit:.2f} of the limit"


def test_a_request_larger_than_a_second_passes_and_is_paid_for() -> None:
    throttle = Throttle(MIB)
    assert seconds(lambda: throttle.take(MIB // 2)) < 0.1
    assert 0.3 < seconds(lambda: throttle.take(1)) < 0.8


def test_the_control_file_changes_the_limit_while_someone_waits(tmp_path: Path) -> None:
    control = tmp_path / "bandwidth"
    throttle = Throttle(1000, control)
    throttle.take(100_000)  # a debt of a hundred seconds
    threading.Timer(0.3, lambda: control.write_text("none\n")).start()
    assert seconds(lambda: throttle.take(1)) < 2
    assert throttle.limit is None


def test_the_control_file_comes_changes_and_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    control = tmp_path / "bandwidth"
    throttle = Throttle(5, control)
    seen = [throttle.limit]
    for text in ("7", "nonsense", "0", ""):
        control.write_text(text)
        time.sleep(0.3)
        seen.append(throttle.limit)
    assert seen == [5, 7, 7, None, 5]
    assert "not a number of bytes a second: 'nonsense'" in caplog.text


def test_a_wait_ends_when_it_is_told_to() -> None:
    throttle = Throttle(1)
    throttle.take(1000)
    assert seconds(lambda: throttle.take(1, lambda: True)) < 0.1


def test_reports_are_few_and_the_last_one_is_complete() -> None:
    reports: list[Progress] = []
    meter = Meter("disk", 1000, reports.append)
    started = time.monotonic()
    for _ in range(1000):
        meter.add(1, moved=1)
        time.sleep(0.001)
    meter.finish()
    assert len(reports) <= (time.monotonic() - started) * 4 + 1
    assert (reports[-1].done, reports[-1].total, reports[-1].label) == (1000, 1000, "disk")
    assert 100 < reports[-1].rate < 2000
    assert [report.done for report in reports] == sorted(report.done for report in reports)
