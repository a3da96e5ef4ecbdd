"""A production network is mapped to one without an uplink."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "network.isolated"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    isolated = {network.name for network in p.target_networks if network.isolated}
    for source in sorted({nic.network for nic in p.nics}):
        target = p.mappings.networks.get(source)
        if target in isolated:
            yield warning(
                ID,
                "Mapped to an isolated network",
                found=f"The network '{source}' is mapped to '{target}', which has no uplink on {p.target_host.name}.",
                why=f"Nobody would reach machine '{p.plan.name}' after the cutover.",
                do="Map it to a network with an uplink unless this is what you want.",
            )
