"""An adapter is in a VLAN by its own settings, not by its network's."""

from collections.abc import Iterator

from drover.concerns.finding import critical, information, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "nic.vlan"
WAIVABLE = True
KINDS = frozenset({"vlan"})

_LABEL = "Adapter in a VLAN"


def check(p: Preflight) -> Iterator[Concern]:
    """The words are `vlan <mac> <mode> <number>`."""
    for device in p.devices(KINDS):
        parts = device.split()
        if len(parts) != 4:
            yield unknown(
                ID, _LABEL, what=f"in which VLAN an adapter of '{p.plan.name}' is", do="Look at it at the source."
            )
            continue
        found = f"The adapter {parts[1]} of '{p.plan.name}' is in a VLAN of its own ({parts[2]} {parts[3]})."
        if p.keeps_definition or (parts[2] == "access" and not p.to_another_kind):
            yield information(
                ID,
                _LABEL,
                found=found,
                why="The target sets the same number; there it may be another network.",
                do="Make sure that it is the same one.",
            )
        else:
            yield critical(
                ID,
                _LABEL,
                found=found,
                why="The target connects it as its network is, and does not set that on the adapter.",
                do="Map its network to one that is in that VLAN by itself, then waive this.",
            )
