"""Test in the new place: the machine boots at the target, away from everyone, and answers its checks.

Cold: on the isolated network, on throw-away overlays, so that what was validated stays as it was validated.
Live: the machine runs at the target already, so its checks are asked there.
"""

from drover.errors import OperatorNeededError
from drover.migration import checks
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.model import Strategy


@stage("test")
def run(move: Move) -> Facts:
    require(move, "backup", "transfer", "validate")
    if move.plan.strategy is Strategy.LIVE:
        results = checks.run_checks(move, checks.direct, move.plan.boot_deadline)
        where = "production"
    elif (network := move.wave.mappings_of(move.plan).test_network) is None:
        return {"skipped": "the wave names no test_network, so there was no trial boot", "checks": 0}
    else:
        where = network
        with move.target.isolated_trial(move.name, where, move.owner) as trial:
            results = checks.run_checks(move, trial.connect, move.plan.boot_deadline, commands=False)
    outcome = checks.verdict(move, "test", results)
    if not outcome.passed:
        raise OperatorNeededError(
            f"Machine '{move.name}' came up on the network '{where}' but failed: {' '.join(outcome.failures)}",
            remedy="There is no cutover; look at the machine's console at the target on the next try.",
        )
    if not results:
        return {"network": where, "checks": 0, "skipped": f"on the network {where}, {checks.NOTHING_ASKED}"}
    return {"network": where, "checks": outcome.checks}
