"""Several machines at the source have the name."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.ambiguous"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    same = [machine for machine in p.source_facts.machines if machine.name == p.plan.name]
    if len(same) > 1:
        which = " and ".join(f"{machine.id or machine.uuid} on {machine.host}" for machine in same)
        yield critical(
            ID,
            "More than one machine of that name",
            found=f"{len(same)} machines at the source are named '{p.plan.name}': {which}.",
            why="Nobody can tell which one is meant.",
            do="Rename all but one of them.",
        )
