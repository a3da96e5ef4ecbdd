"""The lab's hosts as connections of Drover's command line, so that `drover plan` needs nothing exported by hand."""

import os

from drover.errors import DroverError
from drover.hypervisors.connection import ConnectionSpec
from drover_lab import slots
from drover_lab.lab import Lab


def find(conn_id: str) -> ConnectionSpec | None:
    """The host of the default lab (or of the one that DROVER_LAB names) behind this id; None where no lab is up."""
    try:
        lab = Lab.load(os.environ.get("DROVER_LAB") or slots.DEFAULT_NAME)
    except DroverError:
        return None
    for host in lab.hosts:
        if host.connection_id == conn_id:
            return spec(lab, host.name)
    return None


def spec(lab: Lab, host: str) -> ConnectionSpec:
    """The connection of a host, as Drover has it. :param host: its name in the lab."""
    known = lab.connection(host)
    return ConnectionSpec(
        id=known["id"],
        kind=known["conn_type"],
        host=known["host"],
        login=known["login"],
        password=known.get("password"),
        port=known["port"],
        extra=known["extra"],
    )
