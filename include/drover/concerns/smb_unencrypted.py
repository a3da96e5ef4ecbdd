"""A connection lets disks cross the network readable for everybody on the way."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "connection.smb_unencrypted"
WAIVABLE = False

_LABEL = "Disks cross the network unencrypted"


def check(p: Preflight) -> Iterator[Concern]:
    for conn_id, spec in sorted(p.connections.items()):
        if spec is None or spec.kind != "hyperv":
            continue
        value = spec.extra.get("smb_encrypt", True)
        encrypted = {"true": True, "false": False}.get(str(value).lower())
        if encrypted is None:
            yield unknown(
                ID,
                _LABEL,
                what=f"whether the connection '{conn_id}' encrypts disks on their way",
                do="Set smb_encrypt in its extra to true.",
            )
        elif not encrypted:
            yield warning(
                ID,
                _LABEL,
                found=f"The connection '{conn_id}' does not encrypt the disks of {spec.host} on their way.",
                why="Whoever is on that network reads every byte of them; they are signed, so nobody can change one.",
                do="Set smb_encrypt to true, unless nobody else is on that network.",
            )
