"""A DRS or HA rule of the machine's cluster is about it."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "cluster.rules"
WAIVABLE = False
KINDS = frozenset({"cluster-rule", "cluster-override"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield warning(
            ID,
            "Rule of the cluster",
            found=f"Machine '{p.plan.name}' has a rule or setting of its own in its cluster ({device}).",
            why="DRS and HA rules belong to the cluster and stay behind: the target would place and restart the "
            "machine as any other.",
            do="Make the like at the target after the move, where it is still needed.",
        )
