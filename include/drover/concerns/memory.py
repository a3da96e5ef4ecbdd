"""The target has too little free memory."""

from collections.abc import Iterator

from drover.concerns.finding import critical, size, unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState

ID = "host.memory"
WAIVABLE = True

_LABEL = "Too little memory at the target"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None:
        return
    free = p.target_host.memory_free
    if free < 0 or p.target_host.memory <= 0 or p.source.memory <= 0:
        yield unknown(
            ID,
            _LABEL,
            what=f"whether the memory of {p.target_host.name} is enough for '{p.plan.name}'",
            do="Check the hypervisor's service at both ends.",
        )
        return
    running = {machine.name for machine in p.target_machines if machine.state is not PowerState.OFF}
    whole = sum(machine.memory for plan, machine in p.companions if plan.name not in running)
    where = f"{p.target_host.name} has {size(free)} of memory free"
    if p.plan.name not in running and p.source.memory > free:
        yield critical(
            ID,
            _LABEL,
            found=f"{where}; machine '{p.plan.name}' has {size(p.source.memory)}.",
            why="It would not start there, or push others out of memory.",
            do="Free some memory there, give the machine less, or choose another host.",
        )
    elif whole > free:
        yield warning(
            ID,
            "Too little memory for the whole wave",
            found=f"{where}; the machines of this wave have {size(whole)} together.",
            why="The last ones may not start.",
            do="Free some memory there, or move fewer machines in this wave.",
        )
