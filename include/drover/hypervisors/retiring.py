"""What is asked on every platform before a source is removed for good."""

from collections.abc import Iterable

from drover.errors import OperatorNeededError
from drover.model import Disk, Ownership, PowerState, VirtualMachine


def require_retiring(machine: VirtualMachine, owner: Ownership, where: str) -> None:
    """:param where: the host, for messages. :raises OperatorNeededError: it is not off, or it carries another tag."""
    if machine.ownership != owner or machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {where} is {machine.state} or does not carry the tag of this decommission.",
            remedy="Find out who changed it; nothing was removed.",
        )


def refuse_snapshots(machine: VirtualMachine, where: str) -> None:
    """They hold what no backup has: only the machine's present state was moved."""
    if machine.snapshots:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {where} has snapshots ({', '.join(machine.snapshots)}), which its backup "
            "does not hold, so nothing of it is removed.",
            remedy="Delete those that nobody needs there, wait until its disks are merged, then run this again.",
        )


def is_its_own(disk: Disk) -> bool:
    """A file in a pool that this machine alone writes to. What it lies upon may carry others, too."""
    return disk.pool is not None and not (disk.shared or disk.read_only or disk.raw_mapping)


def refuse_used(machine: VirtualMachine, where: str, other: str, both: Iterable[str]) -> None:
    """:param other: a machine's name. :param both: the files that it uses as well."""
    if used := sorted(set(both)):
        raise OperatorNeededError(
            f"Machine '{other}' on {where} uses {', '.join(used)}, a disk of machine '{machine.name}', so nothing "
            "of it is removed.",
            remedy="Give that machine a disk of its own, or remove the source by hand.",
        )


def refuse_unknown(machine: VirtualMachine, where: str, other: str, why: str) -> None:
    """Law: unknown blocks. :param why: what could not be told, as a sentence's end."""
    raise OperatorNeededError(
        f"Nobody can tell whether machine '{other}' on {where} uses a disk of machine '{machine.name}', so nothing "
        f"of it is removed: {why}.",
        remedy="Mend or remove that machine there, then run this again.",
    )
