"""The guest's IP address is in use at the target already, or by another machine of the wave."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from drover.concerns.finding import critical, information
from drover.concerns.preflight import Preflight
from drover.model import Concern, PowerState, VirtualMachine

ID = "target.address_clash"
WAIVABLE = True

_LABEL = "IP address taken"

Address = IPv4Address | IPv6Address


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None:
        return
    mine = _addresses(p.source, p.mappings.networks)
    taken = _taken(p)
    for place in sorted(mine & taken.keys(), key=str):
        address, network = place
        yield critical(
            ID,
            _LABEL,
            found=f"The guest of '{p.plan.name}' has the address {address}, and so has {taken[place]}; both would be "
            f"on the network '{network}' of {p.target_host.name}.",
            why="Packets for one would reach now one and now the other, and systems that notice take their address "
            "away.",
            do="Change one of the two, or waive this if they never run at the same time.",
        )
    if not mine and p.nics and p.source.state is PowerState.RUNNING:
        # Most platforms learn it from tools in the guest alone, so it is no reason to stop.
        yield information(
            ID,
            "IP address not known",
            found=f"Nobody could tell which IP address the guest of '{p.plan.name}' has.",
            why="Whether it is in use at the target was not compared.",
            do="Where its network reaches other machines at the target, make sure that none has it.",
        )


def _taken(p: Preflight) -> dict[tuple[Address, str], str]:
    """Who has an address on a network of the target, or will have."""
    found = {}
    for machine in p.strangers:
        if machine.name != p.plan.name:
            for place in _addresses(machine):
                found[place] = f"machine '{machine.name}' there"
    for plan, machine in p.companions:
        if plan.name != p.plan.name:
            for place in _addresses(machine, p.wave.mappings_of(plan).networks):
                found[place] = f"machine '{plan.name}' of this wave"
    return found


def _addresses(machine: VirtualMachine, mapping: dict[str, str] | None = None) -> set[tuple[Address, str]]:
    """Each with the target's network. :param mapping: the source's networks to the target's; None at the target."""
    found = set()
    for nic in machine.nics:
        network = nic.network if mapping is None else mapping.get(nic.network)
        known = [_read(text) for text in (nic.address, *nic.more_addresses)]
        found |= {(address, network) for address in known if address is not None and network is not None}
    return found


def _read(text: str | None) -> Address | None:
    """None too for one that every network has: a guest gives itself such an address where nobody gave it another."""
    try:
        address = ip_address((text or "").partition("/")[0].partition("%")[0])
    except ValueError:
        return None
    return None if address.is_link_local or address.is_loopback or address.is_unspecified else address
