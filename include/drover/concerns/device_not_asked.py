"""Kinds of devices that a Hyper-V host cannot be asked for, so that nobody could tell whether the machine has one."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.not_asked"
# A person can look, and say in the wave file that there is none.
WAIVABLE = True
KINDS = frozenset({"not-asked"})


def check(p: Preflight) -> Iterator[Concern]:
    kinds = [device.partition(" ")[2] for device in p.devices(KINDS)]
    if kinds:
        yield critical(
            ID,
            "Devices that were not asked for",
            found=f"{p.source_host.name} cannot be asked whether machine '{p.plan.name}' has {' or '.join(kinds)}.",
            why="Such a device would stay behind without a word, and what nobody knows counts as found.",
            do="Look in the machine's settings there; waive this for the machine where it has none.",
        )
