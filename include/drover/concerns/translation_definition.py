"""A part of a libvirt machine's definition that no other kind of hypervisor has."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "translation.definition"
WAIVABLE = True
KINDS = frozenset({"definition"})


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS) if not p.keeps_definition else ():
        yield critical(
            ID,
            "A part of the definition would be lost",
            found=f"The definition of machine '{p.plan.name}' has a part that {p.target_host.name} does not take "
            f"({device.partition(' ')[2]}).",
            why="Whoever wrote it relies on it: what the guest reads from its board, or what its host keeps from it.",
            do="Take it away at the source if nobody needs it, or waive this and make the like at the target.",
        )
