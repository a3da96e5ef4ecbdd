"""The whole wave brings more CPUs than the target can share out."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "cpu.capacity"
WAIVABLE = False

_LABEL = "The target's CPUs are shared by many"

# As many virtual CPUs take turns on a real one without being felt, where most of them wait most of the time.
_SHARED = 4


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.target_host.cpus <= 0:
        return  # told by machine.unknown or cpu.count
    coming = [machine for _, machine in p.companions if machine.state is not PowerState.OFF]
    names = {machine.name for machine in coming}
    there = [each for each in p.target_machines if each.state is not PowerState.OFF and each.name not in names]
    if any(machine.cpu.count <= 0 for machine in (*coming, *there)):
        yield unknown(
            ID,
            _LABEL,
            what=f"how many CPUs all machines have together that would run on {p.target_host.name}",
            do="Check the hypervisor's service at both ends.",
        )
        return
    wave, others = sum(machine.cpu.count for machine in coming), sum(machine.cpu.count for machine in there)
    if wave + others > _SHARED * p.target_host.cpus:
        yield warning(
            ID,
            _LABEL,
            found=f"{p.target_host.name} has {p.target_host.cpus} CPUs; the machines of this wave have {wave} "
            f"together, and what runs there already {others}.",
            why=f"More than {_SHARED} for each real one take turns, and each of them gets slower when all are busy.",
            do="Move fewer machines in this wave, or watch the host's load after it.",
        )
