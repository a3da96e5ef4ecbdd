"""The target cannot make the machine at all."""

from collections.abc import Iterator

from drover.concerns import disk_capacity, network_missing, network_unmapped, storage_missing, storage_unmapped
from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "translation.refused"
WAIVABLE = False

_LABEL = "The target cannot make this machine"
# What these find is a reason to refuse too, and they say it better.
_SAID_ALREADY = (disk_capacity, network_missing, network_unmapped, storage_missing, storage_unmapped)


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is None or p.translated is not None:
        return
    if p.refusal is None:
        yield unknown(
            ID,
            _LABEL,
            what=f"what {p.target_host.name} would make of machine '{p.plan.name}'",
            do="Check the target's connection, and plan again.",
        )
    elif not any(list(module.check(p)) for module in _SAID_ALREADY):
        yield critical(
            ID,
            _LABEL,
            found=f"{p.target_host.name} cannot make machine '{p.plan.name}': {p.refusal}",
            why="The move would stop when the machine is to be made there.",
            do="Mend what it names.",
        )
