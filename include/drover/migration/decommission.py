"""Remove the source that a committed move left behind: the only thing here that may ever delete one.

It is no stage of a wave. A person approves it, it waits, and it asks everything again: the machine runs at the target
and answers, every byte of its backup is what was sealed, and the source is the one that this move left, off, with
nothing in it that was not moved.
"""

import time
from datetime import datetime
from typing import NoReturn

from drover.backups.contents import proven
from drover.errors import CorruptionError, OperatorNeededError, RetryableError
from drover.hypervisors.port import Retired, Retiring
from drover.migration import along, backup, checks, claims, intents, returning
from drover.migration.disks import refuse_changed_source
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import PowerState, Strategy, VirtualMachine

STEP = "decommission"
APPROVAL = "decommission-approval"
DAY = 86400.0


def refuse_early(move: Move, days: float) -> None:
    """What can be told from the records alone.

    :param days: that must have passed since the commit; where the wave wants more, its own count.

    :raises OperatorNeededError: the machine's source may not be removed, or not yet.
    """
    commit = move.store.last("commit", "passed")
    if commit is None or not returning.committed(move) or returning.under_way(move):
        _refuse(move, f"the move was not committed in run {move.run}, or is taken back", "Name the run that moved it.")
    if (holder := claims.foreign(move)) is not None:
        _refuse(move, f"it is being moved {holder.words}", "Let that run end.")
    days = max(days, (move.wave.decommission.waiting or 0.0) / DAY)
    since = datetime.fromisoformat(commit.time).timestamp()
    if time.time() < since + days * DAY:
        when = f"{datetime.fromtimestamp(since + days * DAY).astimezone():%Y-%m-%d %H:%M %Z}"
        _refuse(move, f"the commit is not {days:g} days ago", f"Run it again after {when}.")


def done(move: Move) -> bool:
    """Whether the source that the last commit left behind was removed."""
    gone, commit = move.store.last(STEP, "passed"), move.store.last("commit", "passed")
    return gone is not None and commit is not None and gone.sequence > commit.sequence


def approved(move: Move, ticket: str, by: str, at: datetime, user: str) -> None:
    """Keeps a person's yes.

    :param ticket: which decommission it is for; it counts for no other. :param user: the person's id.
    :raises OperatorNeededError: the wave wants somebody else's yes.
    """
    _refuse_other(move, by, user)
    move.store.record(APPROVAL, "passed", {"ticket": ticket, "by": by, "at": at.isoformat(), "user": user})


def _refuse_other(move: Move, by: str, user: str) -> None:
    """Airflow's settings may let others answer than those who were asked."""
    asked = move.wave.decommission.approvers
    if asked and user not in asked:
        _refuse(
            move, f"{by} said yes, and the wave wants it of {', '.join(asked)}", "Run it again, and let them answer."
        )


def run(move: Move, ticket: str, days: float) -> Facts:
    """:param ticket: of the approval. :param days: that must have passed since the commit."""

    @stage(STEP)
    def decommission(move: Move) -> Facts:
        refuse_early(move, days)
        yes = _approval(move, ticket)
        if along.takes_along(move):
            _refuse(move, "its platform took it along, so its source has nothing of it", "There is nothing to remove.")
        answered = _prove_target(move)
        _prove_backup(move)
        gone = _retire(move)
        return {
            "approved_by": yes["by"],
            "checks": answered,
            "backup": backup.shelf_of(move).label,
            "removed": list(gone.removed),
            "left": list(gone.left),
        }

    return decommission(move)


def _approval(move: Move, ticket: str) -> Facts:
    last, commit = move.store.last(APPROVAL, "passed"), move.store.last("commit", "passed")
    if last is None or commit is None or last.sequence < commit.sequence or last.facts["ticket"] != ticket:
        _refuse(move, "no person has approved this very decommission", "Answer its task 'approval' first.")
    _refuse_other(move, str(last.facts["by"]), str(last.facts.get("user", "")))
    return dict(last.facts)


def _prove_target(move: Move) -> int:
    """The machine lives at the target, as this run left it, and answers now."""
    there = move.target.find(move.name)
    if there is None or there.ownership != move.owner_as("committed"):
        _refuse(move, "what is at the target is not what this run left there", "Find out where it runs now.")
    if move.machine.state is not PowerState.RUNNING:
        return 0
    if there.state is not PowerState.RUNNING:
        _refuse(move, f"it is {there.state} at the target", "Start it there, or take the move back.")
    outcome = checks.verdict(move, STEP, checks.run_checks(move, checks.direct, move.plan.boot_deadline))
    if not outcome.passed:
        _refuse(move, f"it fails at the target: {' '.join(outcome.failures)}", "Mend it there, or take the move back.")
    return outcome.checks


def _prove_backup(move: Move) -> None:
    """Every byte of it is read: from now on it is all that is left of the source."""
    backup.check_whole(move)
    shelf = backup.shelf_of(move)
    facts = shelf.seal()
    assert facts is not None, "asked above"
    with shelf.local() as folder:
        proven(folder, facts)


def _retire(move: Move) -> Retired:
    source = move.source
    here = source.find(move.name)
    begun = intents.declared(move.store, Intent.RETIRING) is not None
    if here is None and begun:
        # A killed try removed the last of it.
        return Retired(tuple(_begun(move)))
    if here is None or not _left_by_us(move, here, begun):
        _refuse(move, "what is at the source is not what this run left there", "Find out whose it is.")
    if here.state is not PowerState.OFF:
        _refuse(move, f"it is {here.state} at the source", "Find out who started it.")
    _refuse_unmoved(move, here, begun)
    if not isinstance(source, Retiring):
        _refuse(
            move,
            f"Drover cannot remove machines of {source.kind} yet",
            "Everything else was asked and is well: remove it by hand.",
        )
    intents.declare(move.store, Intent.RETIRING)
    # Since it was read, its time may have been over; now that this is declared, nobody removes it any more.
    backup.check_whole(move)
    move.store.record(STEP, "info", {"removes": [disk.path for disk in here.disks]})
    # From here on nobody takes the move back: the source is not what it was.
    source.tag(move.name, move.owner_as("retiring"))
    gone = source.retire(move.name, move.owner_as("retiring"))
    if source.find(move.name) is not None:
        raise RetryableError(f"Machine '{move.name}' is still at the source.", remedy="This is tried again.")
    return gone


def _refuse_unmoved(move: Move, here: VirtualMachine, begun: bool) -> None:
    """What is in neither the target nor the backup would be lost for good."""
    moved = {disk.path for disk in move.machine.disks}
    if more := [disk.path for disk in here.disks if disk.path not in moved]:
        words = f"it has disks at the source that were not moved: {', '.join(more)}"
        _refuse(move, words, "Attach them elsewhere, or remove the source by hand.")
    if begun:
        # A killed try may have removed a disk.
        return
    if move.plan.strategy is Strategy.LIVE:
        _refuse_written_since(move)
        return
    try:
        refuse_changed_source(move)
    except CorruptionError as error:
        _refuse(move, error.message.rstrip("."), "See what of it is needed; then remove the source by hand.")


def _refuse_written_since(move: Move) -> None:
    """Of the disks that a live move left there, those of which the commit could note how they were."""
    noted = {left["disk"]: left["version"] for left in left_at_source(move) if left["version"]}
    with move.source.read_disks(move.name) as sources:
        now = {name: endpoint.version for name, endpoint in sources.items()}
    for disk, version in noted.items():
        if now.get(disk) != version:
            words = f"disk {disk} was written at the source since the move, or is not there"
            _refuse(move, words, "See what of it is needed; then remove the source by hand.")


def left_at_source(move: Move) -> list[dict[str, str]]:
    """The disks that stayed there, as the commit noted them; empty of a move that is older than that."""
    commit = move.store.last("commit", "passed")
    return list(commit.facts.get("left_at_source", ())) if commit else []


def _begun(move: Move) -> list[str]:
    """What an earlier try was about to remove."""
    told = [record.facts["removes"] for record in move.store.records() if "removes" in record.facts]
    return list(told[-1]) if told else []


def _left_by_us(move: Move, here: VirtualMachine, begun: bool) -> bool:
    roles = ("migrated", "retiring") if begun else ("migrated",)
    return here.uuid == move.machine.uuid and any(here.ownership == move.owner_as(role) for role in roles)


def _refuse(move: Move, why: str, remedy: str) -> NoReturn:
    raise OperatorNeededError(f"The source of machine '{move.name}' is not removed: {why}.", remedy=remedy)
