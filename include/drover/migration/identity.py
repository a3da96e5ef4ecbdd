"""The machine that a run looked at is the one that it touches: names can be changed at any moment, by anybody."""

from drover.errors import OperatorNeededError, RetryableError
from drover.migration.move import Move
from drover.model import VirtualMachine

_TARGET = "target.json"


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


def keep_target(move: Move) -> None:
    """Which host the target's connection leads to, when the first thing is done."""
    there = move.target.host()
    move.store.write_json(_TARGET, {"name": there.name, "id": there.id})


def refuse_elsewhere(move: Move) -> None:
    """A connection can be edited at any moment; what is not seen through it then may run where it led to before.

    :raises RetryableError: the target's connection leads to another host by now.
    """
    known = move.store.read_json(_TARGET)
    now = move.target.host()
    same = known is None or (now.id == known["id"] if now.id and known["id"] else now.name == known["name"])
    if not same:
        raise RetryableError(
            f"The connection '{move.wave.target_of(move.plan)}' leads to {now.name}, and it led to {known['name']} "
            f"when the run began, where machine '{move.name}' may run.",
            remedy="Point it there again; this is tried again until it does.",
        )


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
