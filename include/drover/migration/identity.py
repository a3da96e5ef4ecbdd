"""The machine that a run looked at is the one that it touches: names can be changed at any moment, by anybody."""

from drover.errors import OperatorNeededError
from drover.migration.move import Move


def refuse_another(move: Move) -> None:
    """Before the source is read or stopped. One that is not there at all is told by whoever needs it.

    :raises OperatorNeededError: the machine that has the name now is not the one of this run's inventory.
    """
    found = move.source.find(move.name)
    if found is not None and found.uuid != move.machine.uuid:
        raise OperatorNeededError(
            f"The machine named '{move.name}' at the source is another one than when the run began: its UUID is "
            f"{found.uuid}, and it was {move.machine.uuid}.",
            remedy="Find out who renamed or replaced it; put the right name into the wave and run it anew.",
        )
