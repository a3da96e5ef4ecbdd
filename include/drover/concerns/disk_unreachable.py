"""Nobody gets at the disks of a host: its server of files does not answer, or refuses the login."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "disk.unreachable"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    for facts in (p.source_facts, p.target_facts):
        if facts.out_of_reach is not None:
            yield critical(
                ID,
                "Disks out of reach",
                found=facts.out_of_reach.message,
                why=f"Disks on {facts.host.name} are backed up, copied and read back over that line.",
                do=facts.out_of_reach.remedy,
            )
