"""How the tests of checks ask: over plain streams, with no connection known unless one is given."""

import socket
from collections.abc import Callable

from drover.errors import BadInputError
from drover.guest.checks import CheckResult, run_check
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Stream
from drover.waves.checks import Check


def direct(address: str, port: int, timeout: float) -> Stream:
    return socket.create_connection((address, port), timeout=timeout)


def nobody(conn_id: str) -> ConnectionSpec:
    raise BadInputError(f"There is no connection '{conn_id}'.", remedy="Create it.")


def run(check: Check, deadline: float = 0.0, resolve: Callable[[str], ConnectionSpec] = nobody) -> CheckResult:
    return run_check(check, direct, deadline, resolve)
