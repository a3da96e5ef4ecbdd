"""Prove that the data arrived: Great Expectations suites over what is read from both ends now."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.errors import CorruptionError
from drover.evidence.store import PROOFS
from drover.migration import along, backup, identity
from drover.migration.disks import copied, manifests, paired, read_disks, refuse_changed_source, shown
from drover.migration.move import Move
from drover.migration.stage import Facts, require, stage
from drover.model import PowerState, Strategy
from drover.quality.runner import Verdict

log = logging.getLogger(__name__)


@stage("validate")
def run(move: Move) -> Facts:
    require(move, "backup", "transfer")
    if not along.takes_along(move):
        identity.refuse_another(move)
    verdicts = _verdicts(move)
    failures = [failure for verdict in verdicts for failure in verdict.failures]
    if failures or not all(verdict.passed for verdict in verdicts):
        raise CorruptionError(
            f"Validation of machine '{move.name}' failed: {' '.join(failures) or 'a suite failed without a reason.'}",
            remedy="There is no cutover; the source is started again.",
        )
    return {
        "checks": sum(verdict.checks for verdict in verdicts),
        "suites": {verdict.suite: verdict.checks for verdict in verdicts},
        "results": {verdict.suite: str(verdict.result_path) for verdict in verdicts},
        PROOFS: {_name(move, verdict): _digest(verdict) for verdict in verdicts},
        "compared_with": _compared_with(move),
    }


def _name(move: Move, verdict: Verdict) -> str:
    return Path(verdict.result_path).relative_to(move.store.folder).as_posix()


def _digest(verdict: Verdict) -> str:
    return hashlib.sha256(Path(verdict.result_path).read_bytes()).hexdigest()


def _compared_with(move: Move) -> dict[str, str]:
    """What the record says was held against the target; where blocks were not, why."""
    if along.takes_along(move):
        return {
            "blocks": "nothing: the platform took the machine along, and its disks are not at the source any more",
            "files": "the verified backup",
        }
    if move.plan.strategy is Strategy.LIVE and not move.plan.compare_at_switchover:
        return {"blocks": "nothing: the guest wrote while it moved", "files": "the source"}
    return {"blocks": "the source", "files": "the source"}


def _verdicts(move: Move) -> list[Verdict]:
    """Without the guest's files where another suite failed: reading them takes long, and they cannot save it."""
    verdicts: list[Verdict] = []
    for check in _checks(move):
        if check is _guest_files and not all(verdict.passed for verdict in verdicts):
            log.info("%s: its files are not compared, because what was looked at before failed.", move.name)
            break
        verdicts.append(check(move))
    return verdicts


def _checks(move: Move) -> list[Callable[[Move], Verdict]]:
    """What this strategy can prove. A live move's blocks are only comparable while the guest stands still."""
    if move.plan.strategy is Strategy.LIVE and not move.plan.compare_at_switchover:
        return [_machine, _guest_files]
    return [_blocks, _machine, _guest_files]


def _blocks(move: Move) -> Verdict:
    """Cold: the target is read back here, anew. Live: what was read at the switch-over, when nothing was written."""
    from drover.quality import transfer

    disks = [disk.name for disk in move.machine.disks]
    there = move.target.machine(move.name)
    if move.plan.strategy is Strategy.COLD:
        _refuse_running(move)
        refuse_changed_source(move)
        with move.target.read_disks(move.name) as targets:
            after = read_disks(move, paired(move, there, targets))
        manifests(move, "target").discard()
        manifests(move, "target").save(after)
    else:
        after = manifests(move, "target").load(disks)
    before = copied(move)
    return transfer.validate(
        shown(move, there, before), shown(move, there, after), move.store.path("quality", "transfer")
    )


def _refuse_running(move: Move) -> None:
    for side, hypervisor in (("source", move.source), ("target", move.target)):
        state = hypervisor.power_state(move.name)
        if state is not PowerState.OFF:
            raise CorruptionError(
                f"Machine '{move.name}' is {state} at the {side} while its disks are to be compared.",
                remedy="Someone started it during the move; the move is taken back.",
            )


def _machine(move: Move) -> Verdict:
    from drover.quality import machine

    return machine.validate(
        move.machine,
        move.target.translated(move.machine, move.settings),
        move.target.machine(move.name),
        move.store.path("quality", "machine"),
    )


def _guest_files(move: Move) -> Verdict:
    """Read offline from both ends; of a running machine, from a snapshot as a crash would leave it."""
    from drover.guest.files import read_both
    from drover.quality import guest_files

    there = move.target.machine(move.name)
    with _left_behind(move) as sources, move.target.read_disks(move.name) as targets:
        before, after = read_both(_in_order(move, sources), paired(move, there, targets))
    return guest_files.validate(
        before, after, move.plan.guest_files.changing, move.store.path("quality", "guest_files")
    )


def _left_behind(move: Move) -> AbstractContextManager[Mapping[str, Endpoint]]:
    """The disks that the target is compared with: the source's, or the backup's where the source has none any more."""
    return backup.read_images(move) if along.takes_along(move) else move.source.read_disks(move.name)


def _in_order(move: Move, disks: Mapping[str, Endpoint]) -> dict[str, Endpoint]:
    """By the machine's order, so that both ends' filesystems are named alike."""
    return {disk.name: disks[disk.name] for disk in move.machine.disks if disk.name in disks}
