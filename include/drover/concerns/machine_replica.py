"""Hyper-V Replica keeps a copy of the machine on another host."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.replica"
WAIVABLE = True
KINDS = frozenset({"replica"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield critical(
            ID,
            "Replicated machine",
            found=f"Machine '{p.plan.name}' takes part in Hyper-V Replica ({device}).",
            why="The copy would stand still at the old state, and somebody could start it beside the moved machine.",
            do="Remove the replication (Remove-VMReplication) at both hosts; or waive this and see to the copy.",
        )
