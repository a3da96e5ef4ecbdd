"""The machine that a run looked at is the one that it touches: names can be changed at any moment, by anybody."""

from drover.errors import OperatorNeededError
from drover.migration.move import Move
from drover.model import VirtualMachine


def refuse_another(move: Move) -> None:
    """Before the source is read or stopped. One that is not there at all is told by whoever needs it.

    :raises OperatorNeededError: the machine that has the name now is not the one of this run's inventory.
    """
    found = move.source.find(move.name)
    if found is not None and not is_it(move, found):
        raise OperatorNeededError(
            _another(move, found),
            remedy="Find out who renamed or replaced it; put the right name into the wave and run it anew.",
        )


def require_it(move: Move) -> None:
    """Before anything is taken back: what is to be started must be there, or the target had better go on.

    :raises OperatorNeededError: nothing has the name at the source, or another machine has.
    """
    found = move.source.find(move.name)
    if is_it(move, found):
        return
    own = next((one for one in move.source.machines() if is_it(move, one)), None)
    where = f"is called '{own.name}' at the source by now, and is {own.state}" if own is not None else ""
    if found is not None:
        said = _another(move, found) + (f" That one {where.replace('at the source', 'there')}." if where else "")
    else:
        said = f"Machine '{move.name}' {where or 'is not at the source any more'}."
    raise OperatorNeededError(
        said,
        remedy="Nothing was changed at either end. Give this run's machine its name back, then run this rollback "
        "again; if it is gone, its backup can be restored.",
    )


def has_another(move: Move) -> bool:
    """Whether another machine has the name at the source."""
    found = move.source.find(move.name)
    return found is not None and not is_it(move, found)


def is_it(move: Move, found: VirtualMachine | None) -> bool:
    """Another machine of the same name is not this one."""
    return found is not None and found.uuid == move.machine.uuid


def _another(move: Move, found: VirtualMachine) -> str:
    return (
        f"The machine named '{move.name}' at the source is another one than when the run began: its UUID is "
        f"{found.uuid}, and it was {move.machine.uuid}."
    )


def refuse_migrated(machine: VirtualMachine) -> None:
    """:raises OperatorNeededError: it is what a committed move left behind."""
    tag = machine.ownership
    if tag is not None and tag.role == "migrated":
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {machine.host} was migrated by wave '{tag.wave}' in run {tag.run}; "
            "what is here is the source that was left behind.",
            remedy="Take the machine out of the wave, or roll that run back first.",
        )
