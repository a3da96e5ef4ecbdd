"""A network that a machine is mapped to is not there, or not active, at the target."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "network.missing"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    there = {network.name: network for network in p.target_networks}
    wanted = {p.wave.mappings.networks[nic.network] for nic in p.nics if nic.network in p.wave.mappings.networks}
    for name in sorted(wanted):
        network = there.get(name)
        if network is None:
            have = ", ".join(sorted(f"'{known}'" for known in there)) or "none"
            yield critical(
                ID,
                "Network missing at the target",
                found=f"{p.target_host.name} has no network '{name}', which mappings.networks names.",
                why=f"Machine '{p.plan.name}' could not be connected.",
                do=f"Make it there, or map to one that is there: {have}.",
            )
        elif not network.active:
            yield critical(
                ID,
                "Network not active at the target",
                found=f"The network '{name}' on {p.target_host.name} is not active.",
                why=f"Machine '{p.plan.name}' would not start there.",
                do="Start it, and have it start by itself.",
            )
