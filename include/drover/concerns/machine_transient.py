"""The hypervisor forgets the machine as soon as it is off."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.transient"
WAIVABLE = False
KINDS = frozenset({"transient"})


def check(p: Preflight) -> Iterator[Concern]:
    if p.devices(KINDS):
        yield critical(
            ID,
            "Machine is not defined",
            found=f"Machine '{p.plan.name}' runs without being defined at {p.source_host.name}.",
            why="Once it is off nothing is left to go back to.",
            do="Define it at the source (virsh define) and plan again.",
        )
