"""The machine is a role of a failover cluster."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "cluster.role"
WAIVABLE = False
KINDS = frozenset({"cluster-role"})


def check(p: Preflight) -> Iterator[Concern]:
    if p.devices(KINDS):
        yield critical(
            ID,
            "Role of a failover cluster",
            found=f"Machine '{p.plan.name}' is a role of a failover cluster.",
            why="The cluster starts what is off by its own rules, so source and target could run at the same time.",
            do="Remove the role from the cluster (Remove-ClusterGroup -RemoveResources); the machine itself stays.",
        )
