"""Live moves in which the platform takes the machine along (vMotion, Move-VM): the source keeps nothing of it.

What stays behind is the verified backup, so here it is what law 1 rests on. The source is not asked for the machine's
power, but whether it knows the machine at all; behind one manager, whether the machine is still on its old host.
"""

from drover.errors import OperatorNeededError
from drover.hypervisors.port import LiveMover
from drover.migration import backup
from drover.migration.move import Move
from drover.model import Strategy, VirtualMachine


def takes_along(move: Move) -> bool:
    """Whether this machine leaves its source as a whole."""
    if move.plan.strategy is not Strategy.LIVE:
        return False
    source = move.source
    return isinstance(source, LiveMover) and source.takes_along


def at_source(move: Move) -> VirtualMachine | None:
    """The machine where it came from, or None where it is not there."""
    found = move.source.find(move.name)
    return found if _is_it(move, found) and (not _one_manager(move) or _on_old_host(move, found)) else None


def at_target(move: Move) -> VirtualMachine | None:
    """The machine where it was to go, or None where it is not there."""
    found = move.target.find(move.name)
    return found if _is_it(move, found) and not (_one_manager(move) and _on_old_host(move, found)) else None


def _is_it(move: Move, found: VirtualMachine | None) -> bool:
    """Another machine of the same name is not this one."""
    return found is not None and found.uuid == move.machine.uuid


def _on_old_host(move: Move, found: VirtualMachine | None) -> bool:
    return found is not None and found.host == move.machine.host


def _one_manager(move: Move) -> bool:
    return move.wave.source_of(move.plan) == move.wave.target_of(move.plan)


def refuse_left_behind(move: Move) -> None:
    """Law: never two, and never without a way back. Asked before the move is built upon or made final.

    :raises OperatorNeededError: the source knows the machine. :raises CorruptionError: the backup is not whole.
    """
    here = at_source(move)
    if here is not None:
        raise OperatorNeededError(
            f"Machine '{move.name}' is {here.state} at the source, though it was moved away from there.",
            remedy="Find out who put it there; the move is taken back.",
        )
    backup.check_whole(move)
