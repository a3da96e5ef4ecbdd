"""The machine has a twin that the platform keeps in step."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.fault_tolerant"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.fault_tolerant:
        yield critical(
            ID,
            "Fault tolerance",
            found=f"Machine '{p.plan.name}' runs with fault tolerance, as two machines in step.",
            why="It takes no snapshots, so it cannot be backed up, and its twin would stay behind, running.",
            do="Turn fault tolerance off for it before the wave, and on again at the target.",
        )
