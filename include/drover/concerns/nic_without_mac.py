"""An adapter never got an address of its own."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "nic.no_mac"
WAIVABLE = False
KINDS = frozenset({"interface-without-mac"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield critical(
            ID,
            "Adapter without an address",
            found=f"An adapter of '{p.plan.name}' has no MAC address yet ({device}).",
            why="Hyper-V gives it one at the first start, so there is none that could be kept.",
            do="Start the machine once at the source, or give the adapter a fixed address.",
        )
