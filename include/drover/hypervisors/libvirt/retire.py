"""Removing a source for good, with the disks that are its alone. Nothing but a decommission comes here.

The disks go first and the definition last: it carries the tag by which a retry knows what it began.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import define, disks, inventory, volumes
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.images import image_chains
from drover.hypervisors.port import Retired
from drover.hypervisors.retiring import is_its_own, refuse_snapshots, refuse_unknown, require_retiring
from drover.model import Disk, Ownership, VirtualMachine

# Of each path: which file it really is, whatever leads to it; an empty line where there is none.
_IDENTITIES = 'for f do stat --dereference --format=%d:%i -- "$f" 2>/dev/null || echo; done'


def retire(connection: Connection, name: str, owner: Ownership) -> Retired:
    domain = connection.find_domain(name)
    if domain is None:
        return Retired()
    machine = inventory.read(connection, [domain])[0]
    require_retiring(machine, owner, connection.name)
    refuse_snapshots(machine, connection.name)
    own = [disk for disk in machine.disks if is_its_own(disk)]
    _refuse_used(connection, machine, own)
    disks.release(connection, machine)
    for disk in own:
        volumes.delete(connection, disk.path)
        if volumes.exists(connection, disk.path):
            raise OperatorNeededError(
                f"The image {disk.path} on {connection.name} is still there after it was removed.",
                remedy=f"Start the storage pool '{disk.pool}', then do this again.",
            )
    define.undefine(connection, domain)
    left = [disk.path for disk in machine.disks if disk not in own]
    left += [disk.backing for disk in own if disk.backing]
    return Retired(tuple(disk.path for disk in own), tuple(left))


def _refuse_used(connection: Connection, machine: VirtualMachine, own: list[Disk]) -> None:
    """:raises OperatorNeededError: something else of the host is one of these images, by any name, or lies upon one."""
    paths = [disk.path for disk in own]
    uses = [*_of_machines(connection, machine), *_of_images(connection, set(paths))]
    mine = set(filter(None, _identities(connection, paths)))
    others = _identities(connection, [path for _, path in uses])
    for (who, path), identity in zip(uses, others, strict=True):
        if path in paths or identity in mine:
            raise OperatorNeededError(
                f"{who} on {connection.name} uses {path}, a disk of machine '{machine.name}', so nothing of it is "
                "removed.",
                remedy="Give it a disk of its own, or remove the source by hand.",
            )


def _of_machines(connection: Connection, machine: VirtualMachine) -> Iterator[tuple[str, str]]:
    """Who uses which image: the disks of all other machines, and everything that they lie upon."""
    with connection.errors():
        domains = connection.libvirt.listAllDomains(0)
    found = [
        (other, disk)
        for other in inventory.read(connection, domains)
        if other.uuid != machine.uuid
        for disk in other.disks
    ]
    chains = image_chains(connection.ssh, [(disk.format.value, disk.path) for _, disk in found])
    there = _identities(connection, [disk.path for _, disk in found])
    for (other, disk), chain, identity in zip(found, chains, there, strict=True):
        if identity and not chain:
            refuse_unknown(machine, connection.name, other.name, f"qemu-img cannot read {disk.path}")
        for path in (disk.path, *chain):
            yield f"Machine '{other.name}'", path


def _of_images(connection: Connection, own: set[str]) -> Iterator[tuple[str, str]]:
    """Also an image in a pool that belongs to no machine now may lie upon another."""
    import libvirt

    with connection.errors():
        for pool in connection.libvirt.listAllStoragePools(libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE):
            for volume in pool.listAllVolumes(0):
                backing = ET.fromstring(volume.XMLDesc(0)).findtext("backingStore/path")
                if backing and volume.path() not in own:
                    yield f"The image {volume.path()}", backing


def _identities(connection: Connection, paths: list[str]) -> list[str]:
    if not paths:
        return []
    told = connection.ssh.check(["sh", "-c", _IDENTITIES, "sh", *paths]).decode().split("\n")
    return told[: len(paths)]
