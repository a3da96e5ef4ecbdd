"""vSphere does not keep track of the machine's changed blocks."""

from collections.abc import Iterator

from drover.concerns.finding import information
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "machine.changed_blocks"
WAIVABLE = False

_SWITCHED = (
    "Drover switches the tracking on before it freezes the machine for its backup, and leaves it on. "
    "Nothing is needed; switch it off after the wave where nobody wants it."
)
_LEFT = (
    "Nothing is needed; Drover leaves the tracking as it is, for it would begin only while the machine runs and has no "
    "snapshots."
)


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.changed_blocks is False:
        yield information(
            ID,
            "Changed block tracking is off",
            found=f"The hypervisor keeps no track of the changed blocks of machine '{p.plan.name}'.",
            why="Without it, each copy of its disks reads all of them.",
            do=_SWITCHED if p.source.state is PowerState.RUNNING and not p.source.snapshots else _LEFT,
        )
