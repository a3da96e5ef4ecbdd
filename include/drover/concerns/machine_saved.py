"""The machine was saved: what its guest was doing lies beside its disks."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.saved"
WAIVABLE = False
KINDS = frozenset({"saved-state"})


def check(p: Preflight) -> Iterator[Concern]:
    if p.devices(KINDS):
        yield critical(
            ID,
            "Saved state",
            found=f"Machine '{p.plan.name}' is saved, not off.",
            why="Its disks are as if the power had failed, and what was in its memory cannot move to another platform.",
            do="Start it at the source, or discard the saved state (Remove-VMSavedState) if nobody needs it.",
        )
