"""What a running machine uses over a time, as its hypervisor tells.

KVM and Hyper-V count and never begin anew while the machine runs; a vCenter tells what it was on average, every so many
seconds. So a platform is asked for what was used within a time, and how it finds that is its own business.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

from drover.errors import RetryableError


@dataclass(frozen=True, slots=True)
class Counters:
    """What a machine has used since it was started; each only grows. None: there is nothing to count, as without NICs.

    :param cpu: seconds of CPU time. :param memory: bytes that its process takes up now, the one that may shrink.
    :param read_time: seconds that all reads took together; `write_time` likewise.
    """

    cpu: float | None
    memory: float | None
    read_bytes: float | None = None
    written_bytes: float | None = None
    reads: float | None = None
    writes: float | None = None
    read_time: float | None = None
    write_time: float | None = None
    received_bytes: float | None = None
    sent_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a machine used over some time. Rates are per second; None where it is not known or nothing happened.

    :param seconds: how long it was looked at. :param cpu: CPUs' worth. :param memory: bytes, on average.
    :param read_latency: seconds a request took, on average; `write_latency` likewise.
    """

    seconds: float
    cpu: float | None
    memory: float | None
    read_rate: float | None
    write_rate: float | None
    reads: float | None
    writes: float | None
    read_latency: float | None
    write_latency: float | None
    receive_rate: float | None
    send_rate: float | None


@runtime_checkable
class PerformanceMeter(Protocol):
    """A hypervisor that tells what a machine uses."""

    def figures(self) -> frozenset[str]:
        """The fields of `Usage` that it can tell of a machine that has disks and network adapters."""
        ...

    def usage(self, name: str, seconds: float) -> Usage:
        """What the machine uses within this time, from now; it may take longer to tell.

        :raises RetryableError: the machine does not run, or was started anew meanwhile.
        """
        ...


def comparable(kind: str, figures: frozenset[str], other_kind: str, other_figures: frozenset[str]) -> frozenset[str]:
    """The fields of `Usage` that both hypervisors tell, and mean the same by.

    Each kind has its own idea of how much memory a machine takes up: what its process has touched, what the host has
    promised to it.
    """
    return (figures & other_figures) - (frozenset() if kind == other_kind else {"memory"})


# Fewer requests than this say nothing about how long one takes.
FEW = 20
# What the figures are called.
WORDS = {
    "cpu": "CPU time",
    "memory": "memory",
    "read_rate": "reading from disks",
    "write_rate": "writing to disks",
    "reads": "reads",
    "writes": "writes",
    "read_latency": "time of a read",
    "write_latency": "time of a write",
    "receive_rate": "receiving",
    "send_rate": "sending",
}
ALL = frozenset(WORDS)
_LOOKS = 12
_OFTEN = 0.5


def measure(
    read: Callable[[], Counters], name: str, seconds: float, clock: Callable[[], float], wait: Callable[[float], None]
) -> Usage:
    """What a machine uses within this time, from now, where its hypervisor counts.

    :param read: what it has counted by now. :param name: the machine's. :param clock: :param wait: both in seconds.

    :raises RetryableError: it was stopped or started anew meanwhile.
    """
    first, begun = read(), clock()
    last, memory = first, [first.memory]
    while (left := begun + seconds - clock()) > 0:
        wait(min(left, max(_OFTEN, seconds / _LOOKS)))
        last = _grown(read(), last, name)
        memory.append(last.memory)
    return _usage(first, last, clock() - begun, memory)


def _grown(now: Counters, before: Counters, name: str) -> Counters:
    for field in fields(Counters):
        new, old = getattr(now, field.name), getattr(before, field.name)
        if field.name != "memory" and new is not None and old is not None and new < old:
            raise RetryableError(
                f"Machine '{name}' was started anew while its performance was measured.",
                remedy="It is measured again; find out who restarts it if that happens once more.",
            )
    return now


def _usage(first: Counters, last: Counters, seconds: float, memory: list[float | None]) -> Usage:
    known = [each for each in memory if each is not None]

    def rate(name: str) -> float | None:
        grown = _delta(first, last, name)
        return None if grown is None else grown / seconds

    return Usage(
        seconds=seconds,
        cpu=rate("cpu"),
        memory=sum(known) / len(known) if known else None,
        read_rate=rate("read_bytes"),
        write_rate=rate("written_bytes"),
        reads=rate("reads"),
        writes=rate("writes"),
        read_latency=_latency(first, last, "reads", "read_time"),
        write_latency=_latency(first, last, "writes", "write_time"),
        receive_rate=rate("received_bytes"),
        send_rate=rate("sent_bytes"),
    )


def _delta(first: Counters, last: Counters, name: str) -> float | None:
    before, after = getattr(first, name), getattr(last, name)
    return None if before is None or after is None else float(after - before)


def _latency(first: Counters, last: Counters, requests: str, time: str) -> float | None:
    count, took = _delta(first, last, requests), _delta(first, last, time)
    return None if took is None or count is None or count < FEW else took / count
