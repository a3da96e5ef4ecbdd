"""What is to be moved is a template, which never runs."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.template"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if p.source is not None and p.source.template:
        yield critical(
            ID,
            "A template",
            found=f"'{p.plan.name}' is a template.",
            why="It cannot be started, so nothing could be proven of it, and a rollback could not bring it back.",
            do="Turn it into a machine for the wave, or export it with the platform's own tools.",
        )
