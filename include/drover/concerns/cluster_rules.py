"""A DRS or HA rule of the machine's cluster is about it."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "cluster.rules"
WAIVABLE = False
_UNREADABLE = "cluster-unreadable"
KINDS = frozenset({"cluster-rule", "cluster-override", _UNREADABLE})

_LABEL = "Rule of the cluster"


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        if device.startswith(_UNREADABLE):
            yield unknown(
                ID,
                _LABEL,
                what=f"which rules the cluster {device.partition(' ')[2]} has for machine '{p.plan.name}'",
                do="Give the connection's user the right to read the cluster.",
            )
            continue
        yield warning(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' has a rule or setting of its own in its cluster ({device}).",
            why="DRS and HA rules belong to the cluster and stay behind: the target would place and restart the "
            "machine as any other.",
            do="Make the like at the target after the move, where it is still needed.",
        )
