"""A USB device of the host, or of a remote viewer, is attached to the machine."""

from collections.abc import Iterator

from drover.concerns.finding import critical, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.usb"
WAIVABLE = True
HOST_KINDS = frozenset({"usb", "usb-host", "hostdev-usb"})
REDIRECT_KINDS = frozenset({"redirdev", "usb-redirect", "redir"})
KINDS = HOST_KINDS | REDIRECT_KINDS


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(HOST_KINDS):
        yield critical(
            ID,
            "USB device of the host",
            found=f"Machine '{p.plan.name}' uses a USB device of {p.source_host.name} ({device}).",
            why="It is plugged in there and stays behind; licence dongles are the usual case.",
            do="Detach it, and plug it in at the target, or use a USB-over-network device.",
        )
    for device in p.devices(REDIRECT_KINDS):
        yield warning(
            ID,
            "USB redirection",
            found=f"Machine '{p.plan.name}' can take over a viewer's USB devices ({device}).",
            why="A viewer that is connected during the move loses its device.",
            do="Ask viewers to disconnect before the cutover.",
        )
