"""A MAC address of the machine is in use at the target already."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "target.mac_clash"
WAIVABLE = True

_LABEL = "MAC address taken at the target"


def check(p: Preflight) -> Iterator[Concern]:
    taken = {nic.mac.lower(): machine.name for machine in p.strangers for nic in machine.nics if nic.mac}
    for number, nic in enumerate(p.nics):
        if not nic.mac:
            yield unknown(
                ID,
                _LABEL,
                what=f"the MAC address of network adapter {number} of '{p.plan.name}'",
                do="Give it a fixed one at the source.",
            )
        elif nic.mac.lower() in taken and taken[nic.mac.lower()] != p.plan.name:
            yield critical(
                ID,
                _LABEL,
                found=f"Machine '{taken[nic.mac.lower()]}' on {p.target_host.name} has the MAC address {nic.mac} too.",
                why="With both on one network, packets reach now one and now the other.",
                do="Change that one's address, or waive this if they never share a network.",
            )
