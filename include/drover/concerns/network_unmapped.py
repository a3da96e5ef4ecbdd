"""A network of the machine has no counterpart in the wave's mappings."""

from collections.abc import Iterator

from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "network.unmapped"
WAIVABLE = False

_LABEL = "Network not mapped"


def check(p: Preflight) -> Iterator[Concern]:
    names = sorted({nic.network for nic in p.nics if nic.network})
    for name in names:
        if name not in p.mappings.networks:
            yield critical(
                ID,
                _LABEL,
                found=f"The network '{name}' of machine '{p.plan.name}' is not mapped.",
                why="Drover does not guess where a machine is to be connected.",
                do=f"Add it to mappings.networks; {p.target_host.name} has {_have(p)}.",
            )
    for nic in p.nics:
        if not nic.network:
            yield unknown(
                ID,
                _LABEL,
                what=f"to which network the adapter {nic.mac} of '{p.plan.name}' is connected",
                do="Connect it to a named network at the source, or remove it.",
            )


def _have(p: Preflight) -> str:
    return ", ".join(sorted(f"'{network.name}'" for network in p.target_networks)) or "none"
