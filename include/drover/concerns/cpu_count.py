"""The machine has more CPUs than the target."""

from collections.abc import Iterator

from drover.concerns import landing
from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "cpu.count"
WAIVABLE = False

_LABEL = "More CPUs than the target has"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None:
        return
    hosts = landing.hosts_for(p, p.plan)
    if any(host.cpus <= 0 for host in hosts):
        yield unknown(ID, _LABEL, what=f"how many CPUs {p.target_host.name} has", do="Check its hypervisor's service.")
        return
    largest = max(hosts, key=lambda host: host.cpus)
    if p.source.cpu.count > largest.cpus:
        yield warning(
            ID,
            _LABEL,
            found=f"Machine '{p.plan.name}' has {p.source.cpu.count} CPUs, {largest.name} {largest.cpus}.",
            why="They would take turns on fewer real ones, which is slower than having fewer.",
            do="Give it fewer CPUs, or move it to a larger host.",
        )
