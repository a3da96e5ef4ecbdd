"""A MAC address of the machine is in use at the target already, or by another machine of the wave."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "target.mac_clash"
WAIVABLE = True

_LABEL = "MAC address taken at the target"


def check(p: Preflight) -> Iterator[Concern]:
    taken = _taken(p)
    for number, nic in enumerate(p.nics):
        if not nic.mac:
            yield unknown(
                ID,
                _LABEL,
                what=f"the MAC address of network adapter {number} of '{p.plan.name}'",
                do="Give it a fixed one at the source.",
            )
        elif nic.mac.lower() in taken:
            yield critical(
                ID,
                _LABEL,
                found=f"Machine {taken[nic.mac.lower()]} has the MAC address {nic.mac} of '{p.plan.name}' too.",
                why="With both on one network, packets reach now one and now the other.",
                do="Change that one's address, or waive this if they never share a network.",
            )


def _taken(p: Preflight) -> dict[str, str]:
    """Who has a MAC address at the target, or will have."""
    coming = [(machine, "of this wave") for plan, machine in p.companions if plan.name != p.plan.name]
    there = [(machine, f"on {p.target_host.name}") for machine in p.strangers if machine.name != p.plan.name]
    return {
        nic.mac.lower(): f"'{machine.name}' {where}"
        for machine, where in (*coming, *there)
        for nic in machine.nics
        if nic.mac
    }
