"""A connection takes any host for the right one."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "connection.host_key"
WAIVABLE = False

_LABEL = "Host keys are not verified"


def check(p: Preflight) -> Iterator[Concern]:
    for conn_id, spec in sorted(p.connections.items()):
        if spec is None or spec.kind not in ("libvirt", "ssh"):
            continue
        value = spec.extra.get("verify_host_key", True)
        verified = {"true": True, "false": False}.get(str(value).lower())
        if verified is None:
            yield unknown(
                ID,
                _LABEL,
                what=f"whether the connection '{conn_id}' verifies host keys",
                do="Set verify_host_key in its extra to true.",
            )
        elif not verified:
            yield warning(
                ID,
                _LABEL,
                found=f"The connection '{conn_id}' does not verify the key of {spec.host}.",
                why="Whoever stands in between can read and change every disk that passes.",
                do="Give it known_hosts and set verify_host_key to true.",
            )
