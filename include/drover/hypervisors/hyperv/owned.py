"""What Drover made, and what it therefore may write to and remove."""

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv.session import Session
from drover.model import Ownership, PowerState, VirtualMachine


def is_ours(tag: Ownership | None, owner: Ownership) -> bool:
    """Whether `tag` marks what a move made for this owner; the run may be another one of the same wave."""
    return tag is not None and tag.role == "target" and tag.same_machine(owner)


def require_ours(session: Session, machine: VirtualMachine, owner: Ownership, what: str) -> None:
    """:raises OperatorNeededError: the machine's tag does not say that this owner made it."""
    if not is_ours(machine.ownership, owner):
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.target.host} was not made by this move, so it is not {what}.",
            remedy="Find out whose it is; rename or remove it by hand if it is in the way.",
        )


def require_off(session: Session, machine: VirtualMachine, what: str) -> None:
    if machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.target.host} is not off, so it is not {what}.",
            remedy="Shut it down first.",
        )
