"""The machine has more CPUs than the target."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "cpu.count"
WAIVABLE = False

_LABEL = "More CPUs than the target has"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None:
        return
    if p.target_host.cpus <= 0:
        yield unknown(ID, _LABEL, what=f"how many CPUs {p.target_host.name} has", do="Check its hypervisor's service.")
    elif p.source.cpu.count > p.target_host.cpus:
        yield warning(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' has {p.source.cpu.count} CPUs, {p.target_host.name} {p.target_host.cpus}.",
            why="They would take turns on fewer real ones, which is slower than having fewer.",
            do="Give it fewer CPUs, or move it to a larger host.",
        )
