"""What a machine uses as a vCenter measures it: asked of the simulator, and worked out from answers of our own."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from movers import kvm_machine, settings

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.counters import PerformanceMeter, Usage
from drover.hypervisors.vsphere import counters
from drover.hypervisors.vsphere.counters import Samples, samples_of, usage_of
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor
from drover.hypervisors.vsphere.session import Session
from drover.model import Firmware

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
IDS = {14: "cpu", 173: "read_rate", 98: "memory"}


class Clock:
    """Time that passes only when somebody waits."""

    now = 0.0

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def busy(hypervisor: VsphereHypervisor) -> Iterator[str]:
    machine = kvm_machine("busy", firmware=Firmware.BIOS, nics=(), boot_order=())
    wanted = settings(machine)
    hypervisor.define(machine, wanted)
    hypervisor.power_on("busy")
    yield "busy"
    hypervisor.power_off("busy")
    hypervisor.remove("busy", wanted.owner)


def test_a_vcenter_tells(
    hypervisor: VsphereHypervisor, session: Session, busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its measurements are made up by the simulator; that they are asked for and read is what is seen here."""
    assert isinstance(hypervisor, PerformanceMeter)
    assert hypervisor.figures() == {field.name for field in fields(Usage)} - {"seconds"}
    now = counters._now(session)
    monkeypatch.setattr(counters, "_now", lambda _: now - timedelta(seconds=70))
    clock = Clock()
    found = counters.usage(session, busy, 60, clock, clock.wait)
    assert found.seconds == 60
    assert found.cpu is not None
    assert found.memory is not None
    assert found.memory > 0
    assert clock.now == 60


def test_measurements_that_do_not_come_are_waited_for_and_then_missed(session: Session, busy: str) -> None:
    clock = Clock()
    with pytest.raises(RetryableError, match="has no measurements of machine 'busy' since"):
        counters.usage(session, busy, 60, clock, clock.wait)
    assert clock.now > 60 + counters.INTERVAL


def test_one_that_does_not_run_or_was_started_anew_is_not_measured(
    hypervisor: VsphereHypervisor, session: Session, busy: str
) -> None:
    def restart(_: float) -> None:
        hypervisor.power_off(busy)
        hypervisor.power_on(busy)

    with pytest.raises(RetryableError, match="'busy' was started anew"):
        counters.usage(session, busy, 60, Clock(), restart)
    hypervisor.power_off(busy)
    with pytest.raises(RetryableError, match=r"'busy' on 127\.0\.0\.1 does not run, so there is nothing to measure"):
        counters.usage(session, busy, 60, Clock(), restart)


def test_a_server_that_does_not_measure_something_says_so(
    session: Session, busy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(counters._NAMES, "reads", ("virtualDisk", "unheard", "average"))
    with pytest.raises(OperatorNeededError, match=r"does not measure virtualDisk\.unheard\.average\."):
        counters.usage(session, busy, 60, Clock(), Clock().wait)


def test_what_intervals_come_to() -> None:
    """Half a CPU; two disks, the busier of which is slow; the machine as a whole where the host tells that."""
    series = {
        "cpu": {"": [10_000.0, 10_000.0], "0": [9_000.0, 9_000.0]},
        "memory": {"": [1024.0, 3072.0]},
        "read_rate": {"scsi0:0": [1.0, 3.0], "scsi0:1": [2.0, 2.0]},
        "reads": {"scsi0:0": [3.0, 3.0], "scsi0:1": [1.0, 1.0]},
        "read_latency": {"scsi0:0": [8.0, 8.0], "scsi0:1": [4.0, 4.0]},
        "writes": {"scsi0:0": [0.0, 0.0]},
        "write_latency": {"scsi0:0": [5.0, 5.0]},
    }
    found = usage_of(Samples([START, START + timedelta(seconds=20)], series))
    assert found == Usage(40.0, 0.5, 2 * 2**20, 4096.0, None, 4.0, 0.0, pytest.approx(0.007), None, None, None)


def test_a_lost_measurement_counts_for_nothing_and_a_disk_without_one_hides_no_other() -> None:
    times = [START, START + timedelta(seconds=20)]
    lost = {"read_rate": {"scsi0:0": [None, 3.0], "scsi0:1": [2.0, 2.0]}, "cpu": {"": [None, None]}}
    found = usage_of(Samples(times, lost))
    assert (found.read_rate, found.cpu) == (5 * 1024, None)


def test_only_what_was_measured_wholly_within_the_time_counts() -> None:
    """The server may list the newest first, with nine digits of a second, and -1 for what is lost."""
    samples = "".join(
        f"<sampleInfo><timestamp>2026-01-01T12:00:{second:02}.123456789Z</timestamp><interval>20</interval></sampleInfo>"
        for second in (50, 30, 10)
    )
    values = "<value><id><counterId>14</counterId><instance>0</instance></id>{}</value>".format(
        "".join(f"<value>{value}</value>" for value in (-1, 7, 9))
    )
    answer = ET.fromstring(f'<returnval xmlns="urn:vim25">{samples}{values}</returnval>')
    found = samples_of(answer, IDS, START + timedelta(seconds=20))
    assert [when.second for when in found.times] == [30, 50]
    assert found.series == {"cpu": {"0": [7.0, None]}}
    assert samples_of(None, IDS, START) == Samples([], {})
