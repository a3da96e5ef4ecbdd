"""A remote viewer may hand USB devices to the machine."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.usb"
WAIVABLE = False
# A USB device of the host itself is passed through, which is another concern.
KINDS = frozenset({"usb"})


def check(p: Preflight) -> Iterator[Concern]:
    if p.devices(KINDS):
        yield warning(
            ID,
            "USB redirection",
            found=f"Machine '{p.plan.name}' can take over the USB devices of a remote viewer.",
            why="A viewer that is connected during the move loses its device.",
            do="Ask viewers to disconnect before the cutover.",
        )
