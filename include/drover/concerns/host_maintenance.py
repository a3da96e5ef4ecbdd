"""The host that the machine goes to is in maintenance."""

from collections.abc import Iterator

from drover.concerns import landing
from drover.concerns.finding import critical, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "host.maintenance"
WAIVABLE = False

_LABEL = "Target in maintenance"


def check(p: Preflight) -> Iterator[Concern]:
    hosts = landing.named_for(p, p.plan)
    usable = [host for host in hosts if not host.in_maintenance]
    if not hosts:
        yield unknown(
            ID,
            _LABEL,
            what=f"which hosts are behind {p.target_host.name}, and whether they take machines",
            do="Check the rights of the connection's login.",
        )
    elif not usable:
        which = ", ".join(host.name for host in hosts)
        yield critical(
            ID,
            _LABEL,
            found=f"{which} {'is' if len(hosts) == 1 else 'are all'} in maintenance.",
            why="No machine can be started there.",
            do="End the maintenance, or name another host.",
        )
