"""Removing a source for good, with the disks that are its alone. Nothing but a decommission comes here.

The disks go first and the definition last: it carries the tag by which a retry knows what it began.
"""

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import define, disks, inventory, volumes
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.port import Retired
from drover.model import Disk, Ownership, PowerState, VirtualMachine


def retire(connection: Connection, name: str, owner: Ownership) -> Retired:
    domain = connection.find_domain(name)
    if domain is None:
        return Retired()
    machine = inventory.read(connection, [domain])[0]
    if machine.ownership != owner or machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{name}' on {connection.name} is {machine.state} or does not carry the tag of this decommission.",
            remedy="Find out who changed it; nothing was removed.",
        )
    own = [disk for disk in machine.disks if _is_its_own(disk)]
    _refuse_used(connection, machine, own)
    disks.release(connection, machine)
    for disk in own:
        volumes.delete(connection, disk.path)
    define.undefine(connection, domain)
    left = [disk.path for disk in machine.disks if disk not in own]
    left += [disk.backing for disk in own if disk.backing]
    return Retired(tuple(disk.path for disk in own), tuple(left))


def _is_its_own(disk: Disk) -> bool:
    """A file in a pool that this machine alone writes to. What it lies upon may carry others, too."""
    return disk.pool is not None and not (disk.shared or disk.read_only or disk.raw_mapping)


def _refuse_used(connection: Connection, machine: VirtualMachine, own: list[Disk]) -> None:
    """:raises OperatorNeededError: another machine of the host has one of these images, or lies upon one."""
    with connection.errors():
        domains = connection.libvirt.listAllDomains(0)
    paths = {disk.path for disk in own}
    for other in inventory.read(connection, domains):
        used = {path for disk in other.disks for path in (disk.path, disk.backing) if path}
        if other.uuid != machine.uuid and (both := used & paths):
            raise OperatorNeededError(
                f"Machine '{other.name}' on {connection.name} uses {', '.join(sorted(both))}, a disk of machine "
                f"'{machine.name}', so nothing of it is removed.",
                remedy="Give that machine a disk of its own, or remove the source by hand.",
            )
