"""Live moves in which the platform takes the machine along (vMotion, Move-VM): the source keeps nothing of it.

What stays behind is the verified backup, so here it is what law 1 rests on. The source is not asked for the machine's
power, but whether it knows the machine at all; behind one manager, whether the machine is still in its old place.
"""

from drover.errors import OperatorNeededError
from drover.hypervisors.port import LiveMover
from drover.migration import backup, intents
from drover.migration.identity import is_it
from drover.migration.intents import Intent
from drover.migration.move import Move
from drover.model import Strategy, VirtualMachine

_MANAGER = "one_manager.json"


def takes_along(move: Move) -> bool:
    """Whether this machine leaves its source as a whole."""
    if move.plan.strategy is not Strategy.LIVE:
        return False
    source = move.source
    return isinstance(source, LiveMover) and source.takes_along


def at_source(move: Move) -> VirtualMachine | None:
    """The machine where it came from, or None where it is not there."""
    found = move.source.find(move.name)
    return found if is_it(move, found) and (not _one_manager(move) or _is_before(move, found)) else None


def at_target(move: Move) -> VirtualMachine | None:
    """The machine where it was to go, or None where it is not there."""
    found = move.target.find(move.name)
    return found if is_it(move, found) and (not _one_manager(move) or _is_behind(move, found)) else None


def arrived(move: Move) -> bool:
    """Whether an earlier try has brought the machine to the host that was asked for: then there is nothing to begin."""
    there = at_target(move) if at_source(move) is None else None
    if there is None:
        return False
    wanted = move.wave.mappings_of(move.plan).host
    # A cluster is asked for by its name, which no host has; in it, any host will do.
    return wanted in (None, there.host) or wanted not in {host.name for host in move.target.hosts()}


# Behind one manager both ends know the machine, and its place tells: its disks, where those are to move; else its host.


def _is_before(move: Move, found: VirtualMachine | None) -> bool:
    """Until this run begins the move, its manager alone moves the machine, to balance its hosts."""
    if found is None or not _may_have_moved(move):
        return found is not None
    return _stores(found) == _stores(move.machine) if _moves_disks(move) else found.host == move.machine.host


def _is_behind(move: Move, found: VirtualMachine | None) -> bool:
    if found is None or not _may_have_moved(move):
        return False
    return _stores(found) == _mapped(move) if _moves_disks(move) else found.host != move.machine.host


def _may_have_moved(move: Move) -> bool:
    return any(intents.declared(move.store, one) for one in (Intent.LIVE_MOVE, Intent.RETURNING))


def _moves_disks(move: Move) -> bool:
    return _mapped(move) != _stores(move.machine)


def _stores(machine: VirtualMachine) -> list[str | None]:
    return [disk.pool for disk in machine.disks]


def _mapped(move: Move) -> list[str | None]:
    storage = move.wave.mappings_of(move.plan).storage
    return [storage.get(disk.pool or "", disk.pool) for disk in move.machine.disks]


def meet(move: Move) -> None:
    """Two connections may lead to one manager, by different names. Both ends are asked before the move begins, and the
    answer is kept: a rollback must not need the target for it."""
    if move.wave.source_of(move.plan) != move.wave.target_of(move.plan):
        here = move.source.host().id
        move.store.write_json(_MANAGER, {"one": here is not None and here == move.target.host().id})


def _one_manager(move: Move) -> bool:
    if move.wave.source_of(move.plan) == move.wave.target_of(move.plan):
        return True
    return bool((move.store.read_json(_MANAGER) or {}).get("one"))


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
