"""The machine's host or files are gone, or the user may not see all of it."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "machine.unreachable"
WAIVABLE = False
KINDS = frozenset(
    {
        "machine-disconnected",
        "machine-inaccessible",
        "machine-orphaned",
        "machine-invalid",
        "machine-unknown",
        "machine-unreadable",
        "unreadable",
    }
)


def check(p: Preflight) -> Iterator[Concern]:
    for device in p.devices(KINDS):
        yield critical(
            ID,
            "Not all of the machine can be seen",
            found=f"The hypervisor does not tell all about machine '{p.plan.name}' ({device}).",
            why="What is not seen may be what breaks the move.",
            do="Bring its host and datastore back; if it says NoPermission, give the connection's user the "
            "rights in docs/connections.md.",
        )
