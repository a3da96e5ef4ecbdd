"""The console's password does not move along."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.console_password"
WAIVABLE = False
KINDS = frozenset({"console-password"})


def check(p: Preflight) -> Iterator[Concern]:
    if p.devices(KINDS):
        yield warning(
            ID,
            "Console password stays behind",
            found=f"The console of machine '{p.plan.name}' has a password.",
            why="It is a secret, so it is neither kept nor moved: at the target the console has none.",
            do="Set a new one at the target after the cutover.",
        )
