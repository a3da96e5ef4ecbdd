"""A connection takes any host for the right one: certificates are not verified."""

from collections.abc import Iterator

from drover.concerns.finding import unknown, warning
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "connection.certificate"
WAIVABLE = False

_LABEL = "Certificates are not verified"


def check(p: Preflight) -> Iterator[Concern]:
    for conn_id, spec in sorted(p.connections.items()):
        if spec is None or spec.kind not in ("vsphere", "hyperv"):
            continue
        value = spec.extra.get("verify_certificate", True)
        verified = {"true": True, "false": False}.get(str(value).lower())
        if verified is None:
            yield unknown(
                ID,
                _LABEL,
                what=f"whether the connection '{conn_id}' verifies certificates",
                do="Set verify_certificate in its extra to true.",
            )
        elif not verified:
            yield warning(
                ID,
                _LABEL,
                found=f"The connection '{conn_id}' does not verify the certificate of {spec.host}.",
                why="Whoever stands in between learns its password, and can read and change every disk that passes.",
                do="Give it ca_file, or the certificate's thumbprint, and set verify_certificate to true.",
            )
