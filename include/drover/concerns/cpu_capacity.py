"""The whole wave brings more CPUs than the target can share out."""

from collections.abc import Iterator

from drover.concerns import landing
from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Host, PowerState

ID = "cpu.capacity"
WAIVABLE = False

_LABEL = "The target's CPUs are shared by many"

# As many virtual CPUs take turns on a real one without being felt, where most of them wait most of the time.
_SHARED = 4


def check(p: Preflight) -> Iterator[Concern]:
    hosts = landing.hosts_for(p, p.plan)
    if p.source is None or any(host.cpus <= 0 for host in hosts):
        return  # told by machine.unknown or cpu.count
    coming = [machine for _, machine in landing.beside(p) if machine.state is not PowerState.OFF]
    names = {machine.name for machine in coming}
    there = [each for host in hosts for each in landing.runs_on(p, host) if each.name not in names]
    cpus = sum(host.cpus for host in hosts)
    if any(machine.cpu.count <= 0 for machine in (*coming, *there)):
        yield unknown(
            ID,
            _LABEL,
            what=f"how many CPUs all machines have together that would run on {p.target_host.name}",
            do="Check the hypervisor's service at both ends.",
        )
        return
    wave, others = sum(machine.cpu.count for machine in coming), sum(machine.cpu.count for machine in there)
    if wave + others > _SHARED * cpus:
        yield warning(
            ID,
            _LABEL,
            found=f"{_where(p, hosts)} {cpus} CPUs; the machines of this wave have {wave} "
            f"together, and what runs there already {others}.",
            why=f"More than {_SHARED} for each real one take turns, and each of them gets slower when all are busy.",
            do="Move fewer machines in this wave, or watch the host's load after it.",
        )


def _where(p: Preflight, hosts: tuple[Host, ...]) -> str:
    if len(hosts) == 1:
        return f"{hosts[0].name} has"
    return f"The {len(hosts)} hosts behind {p.target_host.name} to which it may go have"
