"""Which hosts behind the target a machine may land on, and whether all machines of a wave find room on them.

A machine goes to the host that is named for it or to one of the named cluster, and among these to the one that has the
most memory left (`drover.hypervisors.vsphere.place`): so it is counted here, in the order in which they go.
"""

from collections.abc import Callable, Mapping, Sequence

from drover.concerns.finding import size
from drover.concerns.preflight import Preflight
from drover.model import Host, PowerState, VirtualMachine
from drover.waves.order import tiers
from drover.waves.schema import MachinePlan


def named_for(p: Preflight, plan: MachinePlan) -> tuple[Host, ...]:
    """The hosts that the wave or the connection names, by their own names or their cluster's; else all of them."""
    hosts = p.target_facts.hosts
    wanted = p.wave.mappings_of(plan).host or _compute(p)
    named = tuple(host for host in hosts if wanted in (host.name, host.cluster)) if wanted else ()
    # That there is none of this name is told by translation.refused.
    return named or hosts


def hosts_for(p: Preflight, plan: MachinePlan) -> tuple[Host, ...]:
    """Those that take machines; where there is none or only one, the target as a whole."""
    if len(p.target_facts.hosts) < 2:
        return (p.target_host,)
    return tuple(host for host in named_for(p, plan) if not host.in_maintenance) or (p.target_host,)


def _compute(p: Preflight) -> str | None:
    """What the connection itself says, where the wave says nothing."""
    spec = p.connections.get(p.wave.target_of(p.plan))
    found = spec.extra.get("compute") if spec else None
    return str(found) if found else None


def runs_on(p: Preflight, host: Host) -> tuple[VirtualMachine, ...]:
    """The target's machines that are not off there. Where it has one host only, all of them are on it."""
    alone = len(p.target_facts.hosts) < 2
    on = (machine for machine in p.target_machines if alone or machine.host == host.name)
    return tuple(machine for machine in on if machine.state is not PowerState.OFF)


def beside(p: Preflight) -> tuple[tuple[MachinePlan, VirtualMachine], ...]:
    """The machines of the wave that may land on the same hosts as this one, itself among them."""
    mine = {host.name for host in hosts_for(p, p.plan)}
    return tuple(
        (plan, machine) for plan, machine in p.companions if mine.intersection(host.name for host in hosts_for(p, plan))
    )


def without_room(
    p: Preflight, coming: Sequence[tuple[MachinePlan, int]], room: Callable[[Host], int]
) -> tuple[str, ...]:
    """The machines that find no host with enough room left, in the order in which they go.

    :param coming: with the bytes that each takes. :param room: bytes that a host has for them.
    """
    left = {host.name: room(host) for plan, _ in coming for host in hosts_for(p, plan)}
    order = {plan.name: place for place, plan in enumerate(plan for tier in tiers(p.wave) for plan in tier)}
    without = []
    for plan, need in sorted(coming, key=lambda pair: order.get(pair[0].name, len(order))):
        best = max((host.name for host in hosts_for(p, plan)), key=lambda name: (left[name], name))
        if left[best] < need:
            without.append(plan.name)
        else:
            left[best] -= need
    return tuple(without)


def told(hosts: tuple[Host, ...], rooms: Mapping[str, int], what: str) -> str:
    """`esx-1 has 4.0 GiB of memory free`, and of several hosts the ones that have most.

    :param what: what they have so much of.
    """
    if len(hosts) == 1:
        return f"{hosts[0].name} has {size(rooms[hosts[0].name])} {what}"
    most = sorted(hosts, key=lambda host: -rooms[host.name])
    listed = ", ".join(f"{host.name} {size(rooms[host.name])}" for host in most[:3])
    rest = f", and {len(most) - 3} others not more than that each" if len(most) > 3 else ""
    return f"Of the {len(hosts)} hosts that it may go to, {listed} {what}{rest}"
