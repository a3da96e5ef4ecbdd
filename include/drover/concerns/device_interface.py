"""A network adapter that hangs directly on a device of the host."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.interface"
WAIVABLE = True
KINDS = frozenset({"interface-direct", "interface-vhostuser"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        kind = device.removeprefix("interface-")
        yield critical(
            ID,
            "Network adapter bound to the host",
            found=f"Machine '{p.plan.name}' has a network adapter of the kind '{kind}'.",
            why=f"It names a device of {p.source_host.name}, and the target's are its own.",
            do="Connect the adapter to a named network at the source.",
        )
