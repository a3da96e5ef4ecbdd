"""What counters come to over a time, with a clock of the test's own; and libvirt's counters in its own words."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

import libvirt
import pytest

from drover.errors import RetryableError
from drover.hypervisors.counters import Counters, PerformanceMeter, measure
from drover.hypervisors.libvirt.counters import counters_of, read
from drover.hypervisors.libvirt.hypervisor import LibvirtHypervisor

START = Counters(100.0, 500.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass
class Meter:
    """A machine that uses half a CPU, and writes ten times a second for 2 ms each."""

    now: float = 1000.0
    restarts_at: float | None = None
    waited: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds

    def counters(self) -> Counters:
        seconds = self.now - 1000.0
        if self.restarts_at is not None and seconds >= self.restarts_at:
            return START
        return replace(
            START,
            cpu=100.0 + seconds / 2,
            memory=500.0 + seconds,
            written_bytes=seconds * 40960,
            writes=seconds * 10,
            write_time=seconds * 0.02,
            received_bytes=None,
            sent_bytes=None,
        )


def test_rates_latency_and_average() -> None:
    meter = Meter()
    found = measure(meter.counters, "web", 60, meter.clock, meter.wait)
    assert found.seconds == 60
    assert found.cpu == pytest.approx(0.5)
    assert found.memory == pytest.approx(530.0)
    assert (found.write_rate, found.writes) == (pytest.approx(40960), pytest.approx(10))
    assert found.write_latency == pytest.approx(0.002)
    assert found.read_latency is None  # nothing was read
    assert (found.read_rate, found.reads) == (0, 0)
    assert (found.receive_rate, found.send_rate) == (None, None)
    assert len(meter.waited) == 12


def test_a_machine_that_is_started_anew_meanwhile_is_measured_again() -> None:
    meter = Meter(restarts_at=30)
    with pytest.raises(RetryableError, match="'web' was started anew"):
        measure(meter.counters, "web", 60, meter.clock, meter.wait)


def test_what_libvirt_tells() -> None:
    stats = {
        "cpu.time": 2_500_000_000,
        "balloon.rss": 2048,
        "block.count": 2,
        "block.0.rd.bytes": 100,
        "block.0.rd.reqs": 2,
        "block.0.rd.times": 3_000_000,
        "block.0.wr.bytes": 10,
        "block.0.wr.reqs": 1,
        "block.0.wr.times": 1_000_000,
        "block.1.rd.bytes": 50,
        "block.1.rd.reqs": 1,
        "block.1.rd.times": 1_000_000,
        "block.1.wr.bytes": 0,
        "block.1.wr.reqs": 0,
        "net.count": 1,
        "net.0.rx.bytes": 7,
        "net.0.tx.bytes": 8,
    }
    assert counters_of(stats) == Counters(2.5, 2 * 2**20, 150, 10, 3, 1, 0.004, None, 7, 8)


def test_of_a_machine_without_disks_and_adapters_nothing_is_known() -> None:
    assert counters_of({"cpu.time": 1}) == Counters(1e-9, None)


class TestDriver:
    """A connection to libvirt's own test driver, which has a machine that is always there and keeps only its state."""

    __test__ = False
    name = "test"

    def __init__(self) -> None:
        self.libvirt = libvirt.open("test:///default")

    def domain(self, name: str) -> libvirt.virDomain:
        return self.libvirt.lookupByName(name)

    def errors(self) -> AbstractContextManager[None]:
        return nullcontext()


def test_a_machine_that_does_not_run_is_not_measured() -> None:
    driver = TestDriver()
    assert read(driver, "test") == Counters(None, None)
    driver.domain("test").destroy()
    with pytest.raises(RetryableError, match="'test' on test does not run, so there is nothing to measure"):
        read(driver, "test")


def test_a_libvirt_host_tells() -> None:
    assert issubclass(LibvirtHypervisor, PerformanceMeter)
