"""The target has too little free memory."""

from collections.abc import Iterator

from drover.concerns import landing
from drover.concerns.finding import critical, size, unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "host.memory"
WAIVABLE = True

_LABEL = "Too little memory at the target"


def check(p: Preflight) -> Iterator[Concern]:
    """Judged by the host that has most: a machine cannot take a little from each."""
    if p.source is None:
        return
    hosts = landing.hosts_for(p, p.plan)
    if p.source.memory <= 0 or any(host.memory_free < 0 or host.memory <= 0 for host in hosts):
        yield unknown(
            ID,
            _LABEL,
            what=f"whether the memory of {p.target_host.name} is enough for '{p.plan.name}'",
            do="Check the hypervisor's service at both ends.",
        )
        return
    running = {machine.name for machine in p.target_machines if machine.state is not PowerState.OFF}
    coming = [(plan, machine.memory) for plan, machine in landing.beside(p) if plan.name not in running]
    where = landing.told(hosts, {host.name: host.memory_free for host in hosts}, "of memory free")
    if p.plan.name not in running and p.source.memory > max(host.memory_free for host in hosts):
        yield critical(
            ID,
            _LABEL,
            found=f"{where}; machine '{p.plan.name}' has {size(p.source.memory)}.",
            why="It would not start there, or push others out of memory.",
            do="Free some memory there, give the machine less, or choose another host.",
        )
    elif landing.without_room(p, coming, lambda host: host.memory_free):
        yield warning(
            ID,
            "Too little memory for the whole wave",
            found=f"{where}; the machines of this wave have {size(sum(need for _, need in coming))} together.",
            why="The last ones may not start.",
            do="Free some memory there, or move fewer machines in this wave.",
        )
