"""Half-made copies: what a live move leaves at a target whose host went down meanwhile. Hyper-V overwrites no file.

A move begins only where nothing lies in its disks' places, and before it does, the machine's notes tell these places.
So what the next try finds there while the machine is still at the source was made by the move, and is taken away.
"""

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv import retire, scripts, tags
from drover.hypervisors.hyperv.session import Session
from drover.model import VirtualMachine


def clear_the_way(target: Session, machine: VirtualMachine, notes: str, making: tags.Making) -> None:
    """:param machine: at the source, where it runs. :param notes: its own.

    :raises OperatorNeededError: a file is in the way that no earlier try made, or that a machine has.
    """
    paths, where = list(making.files), target.target.host
    there = [str(path) for path in scripts.run(target, "half-made", paths=paths, remove=False)]
    if not there:
        return
    known = tags.making(notes)
    ours = {path.lower() for path in known.files} if known is not None and known.host == making.host else set()
    for path in there:
        if path.lower() not in ours:
            raise OperatorNeededError(
                f"The file {path} on {where} is there already, and this move of machine '{machine.name}' did not make "
                "it.",
                remedy="If a live move of it failed there before, it is what that one left: remove it.",
            )
    retire.refuse_used(target, machine, there, besides=None)
    scripts.run(target, "half-made", paths=there, remove=True)
