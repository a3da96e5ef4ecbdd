"""A network that a machine is mapped to is not there, or not active, at the target."""

from collections.abc import Iterator

from drover.concerns import places
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "network.missing"
WAIVABLE = False

_KIND = places.Kind(
    id=ID,
    label="Network",
    noun="network",
    key="mappings.networks",
    without="Machine '{machine}' could not be connected.",
    inactive="Machine '{machine}' would not start there.",
)


def check(p: Preflight) -> Iterator[Concern]:
    used = [nic.network for nic in p.nics]
    yield from places.check(p, _KIND, used, p.mappings.networks, p.target_networks)
