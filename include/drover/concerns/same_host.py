"""Both connections lead to one host."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "host.same"
WAIVABLE = True


def check(p: Preflight) -> Iterator[Concern]:
    if p.source_host.name == p.target_host.name:
        yield critical(
            ID,
            "Source and target are one host",
            found=f"Both connections lead to a host that calls itself {p.source_host.name}.",
            why="A machine cannot move to where it is.",
            do="Correct the connections; if they are two hosts, give them different host names.",
        )
