"""There is no isolated network to try the machine on before the cutover."""

from collections.abc import Iterator

from drover.concerns.finding import critical, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Network, Strategy

ID = "trial.network"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.plan.strategy is Strategy.LIVE and p.wave.backup.restore_test == "digests":
        return
    name = p.mappings.test_network
    if name is None:
        yield warning(
            ID,
            "No trial boot",
            found="The wave names no test network.",
            why=f"Machine '{p.plan.name}' boots at the target for the first time at the cutover.",
            do="Name an isolated network of the target as mappings.test_network.",
        )
        return
    network = next((network for network in p.target_networks if network.name == name), None)
    fault = _fault(network)
    if fault is not None:
        yield critical(
            ID,
            "Test network not usable",
            found=f"The test network '{name}' {fault} on {p.target_host.name}.",
            why="A trial on another network could put the machine on production twice.",
            do="Make it there as an isolated network and start it, or correct mappings.test_network.",
        )


def _fault(network: Network | None) -> str | None:
    if network is None:
        return "is not there"
    if not network.active:
        return "is not active"
    return None if network.isolated else "is not isolated"
