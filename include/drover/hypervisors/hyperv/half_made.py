"""Half-made copies: what a live move leaves at a target whose host went down meanwhile. Hyper-V overwrites no file.

A move begins only where nothing lies in its disks' places, and before it does, the machine's notes tell these places.
So what the next try finds there while the machine is still at the source was made by the move, and is taken away.
"""

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv import in_use, scripts, tags
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
    _refuse_used(target, there)
    scripts.run(target, "half-made", paths=there, remove=True)


def _refuse_used(target: Session, there: list[str]) -> None:
    where = target.target.host
    for other, path, problem in in_use.users(target, there, besides=None):
        if path:
            raise OperatorNeededError(
                f"Machine '{other}' on {where} uses {path}, which an earlier try of this move left half made, so it is "
                "not removed.",
                remedy="If it is the machine being moved, its move ended meanwhile: run this again. From any other, "
                "detach that disk, which has not all of its bytes, then run this again.",
            )
        if problem:
            raise OperatorNeededError(
                f"Nobody can tell whether machine '{other}' on {where} uses a disk that an earlier try of this move "
                f"left half made, so none is removed: {problem}.",
                remedy="Mend or remove that machine there, then run this again.",
            )
