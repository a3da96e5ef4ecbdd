"""The application checks that the wave file names, as a Great Expectations suite over their results."""

import socket
import time
from collections.abc import Callable

from drover.guest.checks import run_check
from drover.guest.result import CheckResult
from drover.hypervisors.port import Stream
from drover.migration.move import Move
from drover.quality.runner import Verdict
from drover.waves.checks import CommandCheck

# What a test says that had no check to ask: a suite over no results passes.
NOTHING_ASKED = "it was started, but the wave names no check that can be asked there, so nobody knows whether it works"

Connect = Callable[[str, int, float], Stream]


def direct(address: str, port: int, timeout: float) -> Stream:
    """A plain TCP stream from here, as the machine's users reach it."""
    return socket.create_connection((address, port), timeout=timeout)


def run_checks(move: Move, connect: Connect, deadline: float, *, commands: bool = True) -> list[CheckResult]:
    """Every check, tried again until it passes or the deadline (seconds, for all of them together) is over.

    :param commands: also those that need a connection of their own, which an isolated machine cannot serve.
    """
    end = time.monotonic() + deadline
    return [
        run_check(check, connect, max(1.0, end - time.monotonic()), move.resolve)
        for check in move.plan.checks
        if commands or not isinstance(check, CommandCheck)
    ]


def verdict(move: Move, stage: str, results: list[CheckResult]) -> Verdict:
    from drover.quality import application

    return application.validate(results, move.store.path("quality", f"application-{stage}"))
