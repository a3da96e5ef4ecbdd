"""Nobody would notice if the application did not work any more, or its trial can ask nothing of it."""

from collections.abc import Iterator

from drover.concerns.finding import warning
from drover.concerns.preflight import Preflight
from drover.model import Concern, Strategy
from drover.waves.checks import CommandCheck

ID = "checks.none"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    network = _trial(p)
    alone = f"its trial on the network '{network}' proves only that it boots"
    if not p.plan.checks:
        yield warning(
            ID,
            "No application checks",
            found=f"The wave file names no checks for machine '{p.plan.name}'.",
            why=f"That its data arrived is proven; that its application answers is not{network and f', and {alone}'}.",
            do="Add an http, tcp or command check.",
        )
    elif network and all(isinstance(each, CommandCheck) for each in p.plan.checks):
        yield warning(
            ID,
            "No check for the trial",
            found=f"Machine '{p.plan.name}' has only checks of the kind 'command', which no isolated machine answers.",
            why=f"So {alone}; its application is asked for the first time when it runs for its users.",
            do="Add an http or tcp check.",
        )


def _trial(p: Preflight) -> str:
    """The network that it is tried on; empty where it is not: the wave names none, or nothing of it is booted there."""
    wave = p.wave
    proven = wave.backup.restore_test != "digests" or wave.mode == "rehearsal" or wave.rehearsal is not None
    tried = proven or p.plan.strategy is Strategy.COLD
    return p.mappings.test_network or "" if tried else ""
