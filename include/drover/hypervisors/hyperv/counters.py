"""What a Hyper-V host counts of a running machine: its raw performance counters, which the machine itself keeps out of.

Resource metering (Measure-VM) would have to be switched on for the machine first, and counts whole megabytes. Nothing
counts how long the requests to a disk take.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.counters import ALL, Counters, Usage, measure
from drover.hypervisors.hyperv import inventory, scripts
from drover.hypervisors.hyperv.session import Session
from drover.model import VirtualMachine

FIGURES = ALL - {"read_latency", "write_latency"}
# Processor time is counted in units of 100 ns.
_TICKS = 1e7
Rows = Sequence[Mapping[str, Any]]


def usage(session: Session, name: str, seconds: float) -> Usage:
    machine = inventory.machine(session, name)
    return measure(lambda: read(session, machine), name, seconds, time.monotonic, time.sleep)


def read(session: Session, machine: VirtualMachine) -> Counters:
    whose = f"machine '{machine.name}' on {session.target.host}"
    processors = [f"{machine.name}:Hv VP {number}" for number in range(machine.cpu.count)]
    answer = scripts.run_one(session, "counters", id=machine.id, processors=processors)
    if answer["state"] != "Running":
        raise RetryableError(
            f"{whose[0].upper()}{whose[1:]} does not run, so there is nothing to measure.",
            remedy="Start it, or leave 'performance' out of the wave.",
        )
    return counters_of(answer, processors, whose)


def counters_of(answer: Mapping[str, Any], processors: Sequence[str], whose: str) -> Counters:
    """:param answer: of the script `counters`. :param processors: as the host calls the machine's.

    :raises OperatorNeededError: something of the machine is not counted: what is not known is no zero.
    """
    ran = [_only(answer["processors"], f"processor {one}", whose, _is(one)) for one in processors]
    disks = [_only(answer["disks"], f"disk {one}", whose, _ends(one)) for one in answer["drives"]]
    cards = [_only(answer["cards"], f"network adapter {one}", whose, _holds(one)) for one in answer["adapters"]]
    return Counters(
        cpu=sum(float(one["ran"]) for one in ran) / _TICKS,
        memory=float(answer["memory"]),
        read_bytes=_sum(disks, "readBytes"),
        written_bytes=_sum(disks, "writtenBytes"),
        reads=_sum(disks, "reads"),
        writes=_sum(disks, "writes"),
        received_bytes=_sum(cards, "received"),
        sent_bytes=_sum(cards, "sent"),
    )


def _only(rows: Rows, what: str, whose: str, fits: Callable[[str], bool]) -> Mapping[str, Any]:
    found = [one for one in rows if fits(str(one["name"]).lower())]
    if len(found) != 1:
        raise OperatorNeededError(
            f"Nobody can tell what {what} of {whose} does: {len(found)} performance counters bear its name.",
            remedy="See Performance Monitor there; else leave 'performance' out of the wave.",
        )
    return found[0]


def _is(name: str) -> Callable[[str], bool]:
    return lambda found: found == name.lower()


def _ends(path: str) -> Callable[[str], bool]:
    """A disk is counted under its path, which has no backslashes there."""
    return lambda found: found.endswith(path.replace("\\", "-").lower())


def _holds(adapter: str) -> Callable[[str], bool]:
    """`Microsoft:<machine>\\<adapter>` is counted under a name that ends in the adapter's own id."""
    return lambda found: adapter.rpartition("\\")[2].lower() in found


def _sum(rows: Rows, key: str) -> float | None:
    """None where there is no such device."""
    return sum(float(one[key]) for one in rows) if rows else None
