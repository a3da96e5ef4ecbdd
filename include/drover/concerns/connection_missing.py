"""A connection that the machine's checks need is not there."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "connection.missing"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    for conn_id, spec in sorted(p.connections.items()):
        if spec is None:
            yield critical(
                ID,
                "Connection missing",
                found=f"There is no connection '{conn_id}', which the wave file names for machine '{p.plan.name}'.",
                why="What needs it would fail in the middle of the move.",
                do="Create it in Airflow, or correct the wave file.",
            )
