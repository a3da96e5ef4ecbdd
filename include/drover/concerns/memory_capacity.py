"""The target has less memory in all than the whole wave and what runs there already take.

A person may know better: not all of them need to run at the same time, or the host shares memory between its guests.
"""

from collections.abc import Iterator

from drover.concerns.finding import critical, size, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState
from drover.waves.capacity import what_fits

ID = "host.memory_capacity"
WAIVABLE = True

_LABEL = "More memory than the target has"


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.source.memory <= 0 or p.target_host.memory <= 0:
        return  # told by machine.unknown or host.memory
    coming = [machine for plan, machine in p.companions if machine.state is not PowerState.OFF]
    names = {machine.name for machine in coming}
    there = [each for each in p.target_machines if each.state is not PowerState.OFF and each.name not in names]
    if any(machine.memory <= 0 for machine in (*coming, *there)):
        yield unknown(
            ID,
            _LABEL,
            what=f"whether all machines together find enough memory on {p.target_host.name}",
            do="Look for machines at both ends that do not tell their memory.",
        )
        return
    wave, others = sum(machine.memory for machine in coming), sum(machine.memory for machine in there)
    if wave + others > p.target_host.memory:
        fits = what_fits(p.wave, {machine.name: machine.memory for machine in coming}, p.target_host.memory - others)
        yield critical(
            ID,
            _LABEL,
            found=f"{p.target_host.name} has {size(p.target_host.memory)} of memory in all; the machines of this wave "
            f"take {size(wave)}, and what runs there already {size(others)}. {fits}",
            why="They cannot all run there: the last ones do not start, or all of them are swapped out.",
            do="Move fewer machines in this wave, choose another host, or give the machines less memory.",
        )
