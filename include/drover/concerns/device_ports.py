"""The machine has a serial or parallel port."""

from collections.abc import Iterator

from drover.concerns.finding import critical, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "device.ports"
WAIVABLE = True
KINDS = frozenset({"serial", "parallel"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        # A device of the host is not at the target; all else libvirt opens anew there.
        tell = warning if p.keeps_definition and not device.endswith(" dev") else critical
        yield tell(
            ID,
            "Serial or parallel port",
            found=f"Machine '{p.plan.name}' has a port of its own ({device}).",
            why="Where it leads (a file, a pipe, a device of the host, a network address) is not at the target: "
            "what listens there would hear nothing.",
            do="Find out what uses it; remove it at the source, or waive this and make it anew afterwards.",
        )
