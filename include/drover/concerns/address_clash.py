"""The guest's IP address is in use at the target already, or by another machine of the wave."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from drover.concerns.finding import critical, information
from drover.concerns.preflight import Preflight
from drover.model import Concern, Nic, PowerState, VirtualMachine

ID = "target.address_clash"
WAIVABLE = True

_LABEL = "IP address taken"
# So many machines are told by their names.
_NAMED = 5

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
    yield from _not_compared(p)


def _not_compared(p: Preflight) -> Iterator[Concern]:
    """Most platforms learn an address from tools in the guest alone, so that it is not known is no reason to stop."""
    silent = [nic.mac or f"number {number}" for number, nic in enumerate(p.nics, 1) if not _known(nic)]
    if silent:
        yield information(
            ID,
            "IP address not known",
            found=f"Nobody could tell which IP address the guest of '{p.plan.name}' has at the adapter "
            f"{', '.join(silent)}.",
            why="Whether it is in use at the target was not compared.",
            do="Where its network reaches other machines at the target, make sure that none has it.",
        )
    networks = {p.mappings.networks.get(nic.network) for nic in p.nics}
    others = sorted(machine.name for machine in p.strangers if _is_silent(machine, networks))
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        yield information(
            ID,
            "IP addresses at the target not known",
            found=f"Nobody could tell which IP addresses these have, on a network that '{p.plan.name}' comes to: "
            f"{', '.join(others[:_NAMED])}{more}.",
            why="Whether one of them has the address of the machine that comes was not compared.",
            do="Make sure that none has it.",
        )


def _is_silent(machine: VirtualMachine, networks: set[str | None]) -> bool:
    """Whether it runs on one of these networks with an address that nobody knows."""
    here = [nic for nic in machine.nics if nic.network in networks]
    return machine.state is PowerState.RUNNING and any(not _known(nic) for nic in here)


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
        found |= {(address, network) for address in _known(nic) if network is not None}
    return found


def _known(nic: Nic) -> list[Address]:
    return [address for text in (nic.address, *nic.more_addresses) if (address := _read(text)) is not None]


def _read(text: str | None) -> Address | None:
    """None too for one that every network has: a guest gives itself such an address where nobody gave it another."""
    try:
        address = ip_address((text or "").partition("/")[0].partition("%")[0])
    except ValueError:
        return None
    return None if address.is_link_local or address.is_loopback or address.is_unspecified else address
