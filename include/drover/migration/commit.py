"""Make the move final: the source stays behind, off, out of autostart, tagged; the machine is the target's now.

Where the platform took the machine along, its verified backup is what stays behind.
"""

import logging

from drover.errors import DroverError, OperatorNeededError
from drover.migration import along, claims, identity, intents
from drover.migration.cutover import refuse_replaced, refuse_stopped
from drover.migration.disks import SOURCE_VERSIONS
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.model import PowerState, Strategy

log = logging.getLogger(__name__)


def run(move: Move) -> Facts:
    facts = _make_final(move)
    # Only once it is recorded: whoever finds neither claim nor commit believes that there was no move.
    claims.release(move)
    return facts


@stage("commit")
def _make_final(move: Move) -> Facts:
    require(move, "cutover", *(("performance",) if move.wave.performance else ()))
    claims.refuse_foreign(move)
    stays = not along.takes_along(move)
    if stays:
        identity.refuse_another(move)
    else:
        along.refuse_left_behind(move)
    if stays and move.source.power_state(move.name) is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{move.name}' runs at the source again, so the move cannot be made final.",
            remedy="Find out who started it; the move is taken back.",
        )
    refuse_replaced(move)
    if move.machine.state is PowerState.RUNNING:
        refuse_stopped(move)
    intents.declare(move.store, Intent.COMMITTED)
    if stays:
        move.source.set_autostart(move.name, False)
        move.source.tag(move.name, move.owner_as("migrated"))
    move.target.set_autostart(move.name, move.machine.autostart)
    move.target.tag(move.name, move.owner_as("committed"))
    return {**_account(move), "left_at_source": _left_at_source(move) if stays else []}


def _left_at_source(move: Move) -> list[dict[str, str]]:
    """Its disks, with what tells whether somebody writes to one later: a decommission asks."""
    versions: dict[str, str] = move.store.read_json(SOURCE_VERSIONS) or {}
    if move.plan.strategy is Strategy.LIVE:
        # The platform copied them, so nobody has looked at them since the machine ran here.
        versions = _versions(move)
    return [
        {"disk": disk.name, "path": disk.path, "version": versions.get(disk.name, "")} for disk in move.machine.disks
    ]


def _versions(move: Move) -> dict[str, str]:
    try:
        with move.source.read_disks(move.name) as sources:
            return {name: endpoint.version for name, endpoint in sources.items()}
    except DroverError as error:
        # The machine is at its target and well; a decommission will say what nobody could tell.
        log.warning("%s: nobody can tell how its disks were left at the source: %s", move.name, error)
        return {}


def _account(move: Move) -> Facts:
    """What the report says of this machine, from the records of its stages."""
    facts = {name: _facts(move, name) for name in ("transfer", "validate", "test", "cutover", "performance")}
    checks = sum(int(found.get("checks", 0)) for name, found in facts.items() if name != "transfer")
    transfer = facts["transfer"]
    return {
        "strategy": move.plan.strategy.value,
        "bytes_read": transfer.get("bytes_read", 0),
        "bytes_written": transfer.get("bytes_written", 0),
        "seconds": transfer.get("seconds", 0.0),
        "downtime_seconds": facts["cutover"].get("downtime_seconds", 0.0),
        "checks": checks,
        # A stage with a failed check does not pass, so all that were made have passed.
        "checks_passed": checks,
    }


def _facts(move: Move, name: str) -> Facts:
    record = move.store.last(name, "passed")
    return dict(record.facts) if record else {}
