"""The target has less memory in all than the whole wave and what runs there already take.

A person may know better: not all of them need to run at the same time, or the host shares memory between its guests.
"""

from collections.abc import Iterator

from drover.concerns import landing
from drover.concerns.finding import critical, size, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, Host, PowerState, VirtualMachine
from drover.waves.capacity import what_fits

ID = "host.memory_capacity"
WAIVABLE = True

_LABEL = "More memory than the target has"


def check(p: Preflight) -> Iterator[Concern]:
    hosts = landing.hosts_for(p, p.plan)
    if p.source is None or p.source.memory <= 0 or any(host.memory <= 0 for host in hosts):
        return  # told by machine.unknown or host.memory
    coming = [(plan, machine) for plan, machine in landing.beside(p) if machine.state is not PowerState.OFF]
    names = {machine.name for _, machine in coming}
    there = {host.name: _others(p, host, names) for host in hosts}
    everyone = [*(machine for _, machine in coming), *(machine for found in there.values() for machine in found)]
    if any(machine.memory <= 0 for machine in everyone):
        yield unknown(
            ID,
            _LABEL,
            what=f"whether all machines together find enough memory on {p.target_host.name}",
            do="Look for machines at both ends that do not tell their memory.",
        )
        return
    needs = [(plan, machine.memory) for plan, machine in coming]
    without = landing.without_room(p, needs, lambda host: host.memory - _sum(_others(p, host, names)))
    if without:
        wave, others = sum(need for _, need in needs), sum(_sum(found) for found in there.values())
        room = {host.name: host.memory for host in hosts}
        fits = f"No host has enough left for {_listed(without)}."
        if len(hosts) == 1:
            fits = what_fits(p.wave, {plan.name: need for plan, need in needs}, hosts[0].memory - others)
        yield critical(
            ID,
            _LABEL,
            found=f"{landing.told(hosts, room, 'of memory in all')}; the machines of this wave "
            f"take {size(wave)}, and what runs there already {size(others)}. {fits}",
            why="They cannot all run there: the last ones do not start, or all of them are swapped out.",
            do="Move fewer machines in this wave, choose another host, or give the machines less memory.",
        )


def _others(p: Preflight, host: Host, coming: set[str]) -> list[VirtualMachine]:
    return [machine for machine in landing.runs_on(p, host) if machine.name not in coming]


def _sum(machines: list[VirtualMachine]) -> int:
    return sum(machine.memory for machine in machines)


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
