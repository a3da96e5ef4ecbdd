"""What libvirt counts of a running machine."""

import time
from collections.abc import Mapping
from typing import Any

from drover.errors import RetryableError
from drover.hypervisors.counters import Counters, Usage, measure
from drover.hypervisors.libvirt.connection import Connection

_NANO = 1e9
_KIB = 1024


def usage(connection: Connection, name: str, seconds: float) -> Usage:
    return measure(lambda: read(connection, name), name, seconds, time.monotonic, time.sleep)


def read(connection: Connection, name: str) -> Counters:
    import libvirt

    domain = connection.domain(name)
    wanted = (
        libvirt.VIR_DOMAIN_STATS_STATE
        | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
        | libvirt.VIR_DOMAIN_STATS_BALLOON
        | libvirt.VIR_DOMAIN_STATS_BLOCK
        | libvirt.VIR_DOMAIN_STATS_INTERFACE
    )
    with connection.errors():
        ((_, stats),) = connection.libvirt.domainListGetStats([domain], wanted, 0)
    if stats.get("state.state") not in (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED):
        raise RetryableError(
            f"Machine '{name}' on {connection.name} does not run, so there is nothing to measure.",
            remedy="Start it, or leave 'performance' out of the wave.",
        )
    return counters_of(stats)


def counters_of(stats: Mapping[str, Any]) -> Counters:
    """libvirt's `cpu.time`, `balloon.rss`, `block.<n>.rd.bytes`, ... in bytes and seconds."""
    return Counters(
        cpu=_scaled(stats.get("cpu.time"), 1 / _NANO),
        memory=_scaled(stats.get("balloon.rss"), _KIB),
        read_bytes=_sum(stats, "block", "rd.bytes"),
        written_bytes=_sum(stats, "block", "wr.bytes"),
        reads=_sum(stats, "block", "rd.reqs"),
        writes=_sum(stats, "block", "wr.reqs"),
        read_time=_scaled(_sum(stats, "block", "rd.times"), 1 / _NANO),
        write_time=_scaled(_sum(stats, "block", "wr.times"), 1 / _NANO),
        received_bytes=_sum(stats, "net", "rx.bytes"),
        sent_bytes=_sum(stats, "net", "tx.bytes"),
    )


def _sum(stats: Mapping[str, Any], group: str, key: str) -> float | None:
    """None where there is no such device, or one of them has no such counter."""
    values = [stats.get(f"{group}.{number}.{key}") for number in range(int(stats.get(f"{group}.count", 0)))]
    known = [float(value) for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
