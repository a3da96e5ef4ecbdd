"""What a machine uses, as its ESXi host measures it: an average for every 20 seconds, kept for an hour.

Nothing is ever read between two of them: what is asked for is made of those that lie wholly within the time, and where
that is shorter than one, of the next one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.counters import FEW, Usage
from drover.hypervisors.vsphere import lookup, nodes
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.session import Session

# Seconds that one measurement of a host covers.
INTERVAL = 20
_KIND = "VirtualMachine"
_BOOTED = "summary.runtime.bootTime"
# How long a host may take to hand a measurement to its vCenter.
_LATE = 120.0
_POLL = 5.0
_MILLI, _KIB = 1e-3, 1024
# The wanted figures as a vCenter calls them: group, name, rollup.
_NAMES = {
    "cpu": ("cpu", "run", "summation"),
    "memory": ("mem", "consumed", "average"),
    "read_rate": ("virtualDisk", "read", "average"),
    "write_rate": ("virtualDisk", "write", "average"),
    "reads": ("virtualDisk", "numberReadAveraged", "average"),
    "writes": ("virtualDisk", "numberWriteAveraged", "average"),
    "read_latency": ("virtualDisk", "totalReadLatency", "average"),
    "write_latency": ("virtualDisk", "totalWriteLatency", "average"),
    "receive_rate": ("net", "received", "average"),
    "send_rate": ("net", "transmitted", "average"),
}
# Of one of theirs: milliseconds of CPU in the interval, kilobytes, kilobytes a second, milliseconds.
_SCALES = {
    "cpu": _MILLI / INTERVAL,
    "memory": _KIB,
    "read_rate": _KIB,
    "write_rate": _KIB,
    "read_latency": _MILLI,
    "write_latency": _MILLI,
    "receive_rate": _KIB,
    "send_rate": _KIB,
}
FIGURES = frozenset(_NAMES)
# What a device measured in each interval, in order; None where the host has lost one. The machine as a whole is "".
Series = Mapping[str, Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class Samples:
    """:param times: when each interval ended. :param series: by the figure."""

    times: Sequence[datetime]
    series: Mapping[str, Series]


def usage(
    session: Session,
    name: str,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Usage:
    """:param clock: :param wait: both in seconds."""
    machine = lookup.require(session, name)
    booted = _booted(session, machine, name)
    begun, started = _now(session), clock()
    wait(seconds)
    until = clock() + INTERVAL + _LATE
    ids = _counters(session)
    while True:
        samples = _asked(session, machine, ids, begun)
        if _booted(session, machine, name) != booted:
            raise RetryableError(
                f"Machine '{name}' was started anew while its performance was measured.",
                remedy="It is measured again; find out who restarts it if that happens once more.",
            )
        wanted = max(1, int(min(seconds, clock() - started) / INTERVAL) - 1)
        if len(samples.times) >= wanted:
            return usage_of(samples)
        if clock() > until:
            raise RetryableError(
                f"{session.name} has no measurements of machine '{name}' since {begun:%H:%M:%S} by its clock.",
                remedy="See whether its ESXi host is connected and keeps real-time statistics.",
            )
        wait(_POLL)


def usage_of(samples: Samples) -> Usage:
    """What these intervals come to."""
    found = {name: _mean(samples.series.get(name, {}), _SCALES.get(name, 1)) for name in _NAMES}
    seconds = float(len(samples.times) * INTERVAL)
    for latency, requests in (("read_latency", "reads"), ("write_latency", "writes")):
        found[latency] = _latency(samples.series.get(latency, {}), samples.series.get(requests, {}))
    return Usage(seconds=seconds, **found)


def _mean(series: Series, scale: float) -> float | None:
    """The machine's own where the host tells it; else its devices' together, and None where one of them is lost."""
    parts = [series[""]] if "" in series else list(series.values())
    known = [sum(tick) for tick in zip(*parts, strict=True) if None not in tick]
    return scale * sum(known) / len(known) if known else None


def _latency(latencies: Series, requests: Series) -> float | None:
    """A disk that is asked more often counts for more."""
    count = took = 0.0
    for disk in latencies.keys() & requests.keys():
        for each, many in zip(latencies[disk], requests[disk], strict=True):
            if each is not None and many is not None:
                count += many * INTERVAL
                took += each * _SCALES["read_latency"] * many * INTERVAL
    return took / count if count >= FEW else None


# Asking


def _booted(session: Session, machine: Any, name: str) -> str:
    """When it was started. :raises RetryableError: it does not run."""
    for found in retrieve(session, {_KIND: ["runtime.powerState", _BOOTED]}, [(_KIND, machine._moId)]):
        if found.text("runtime.powerState") == "poweredOn":
            return found.text(_BOOTED) or ""
    raise RetryableError(
        f"Machine '{name}' on {session.name} does not run, so there is nothing to measure.",
        remedy="Start it, or leave 'performance' out of the wave.",
    )


def _now(session: Session) -> datetime:
    """By the server's clock, as its measurements are."""
    with session.errors():
        now: datetime = session.service_instance.CurrentTime()
        return now


def _counters(session: Session) -> dict[int, str]:
    """The server's numbers for the figures: they differ from one to the next.

    :raises OperatorNeededError: it has no such counter.
    """
    found = {}
    manager = session.content.perfManager
    for one in retrieve(session, {"PerformanceManager": ["perfCounter"]}, [("PerformanceManager", manager._moId)]):
        for counter in nodes.listed(one.node("perfCounter")):
            names = (nodes.text(counter, "groupInfo/key"), nodes.text(counter, "nameInfo/key"))
            for figure, wanted in _NAMES.items():
                if (*names, nodes.text(counter, "rollupType")) == wanted:
                    found[nodes.number(counter, "key") or 0] = figure
    if missing := FIGURES - set(found.values()):
        raise OperatorNeededError(
            f"{session.name} does not measure {', '.join('.'.join(_NAMES[name]) for name in sorted(missing))}.",
            remedy="Leave 'performance' out of the wave, or look at the platform's own charts.",
        )
    return found


def _asked(session: Session, machine: Any, ids: Mapping[int, str], begun: datetime) -> Samples:
    """The intervals that lie wholly after this moment."""
    from pyVmomi import vim

    manager = vim.PerformanceManager
    metrics = [manager.MetricId(counterId=number, instance="*") for number in sorted(ids)]
    spec = manager.QuerySpec(entity=machine, metricId=metrics, intervalId=INTERVAL, startTime=begun, format="normal")
    # pyvmomi's own name for QueryPerf.
    answer = session.call(session.content.perfManager, "QueryStats", [spec])
    return samples_of(answer, ids, begun + timedelta(seconds=INTERVAL))


def samples_of(answer: Node | None, ids: Mapping[int, str], first: datetime) -> Samples:
    """:param answer: of QueryPerf about one machine. :param first: no interval that ended before counts."""
    times = [datetime.fromisoformat(nodes.text(one, "timestamp") or "") for one in nodes.children(answer, "sampleInfo")]
    order = sorted((when, place) for place, when in enumerate(times) if when >= first)
    series: dict[str, dict[str, list[float | None]]] = {}
    for one in nodes.children(answer, "value"):
        figure = ids.get(nodes.number(one, "id/counterId") or 0)
        values = [nodes.number(value) for value in nodes.children(one, "value")]
        if figure is not None and len(values) == len(times):
            # A measurement that is lost is written as -1.
            known = [float(value) if value is not None and value >= 0 else None for value in values]
            series.setdefault(figure, {})[nodes.text(one, "id/instance") or ""] = [known[place] for _, place in order]
    return Samples([when for when, _ in order], series)
