"""Nobody would notice if the application did not work any more."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "checks.none"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if not p.plan.checks:
        yield warning(
            ID,
            "No application checks",
            found=f"The wave file names no checks for machine '{p.plan.name}'.",
            why="That its data arrived is proven; that its application answers is not.",
            do="Add an http, tcp or command check.",
        )
