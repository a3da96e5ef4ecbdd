"""The machine boots with Secure Boot."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "firmware.secure_boot"
WAIVABLE = True


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.secure_boot:
        yield critical(
            ID,
            "Secure Boot",
            found=f"Machine '{p.plan.name}' boots with Secure Boot.",
            why="The keys that it trusts lie outside the disks; with others at the target it refuses to boot.",
            do="Make sure that the target's firmware has the same keys and try it on a copy, then waive this.",
        )
