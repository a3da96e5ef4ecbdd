"""Making a machine at its target, and taking away what was made.

The order is what makes a retry safe: the tagged definition first, then what it refers to; removing goes the other
way round. So whatever a killed try left hangs on a definition that says whose it is.
"""

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import inventory, nbd_server, site, translate, volumes, xml
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.disks import is_ours, require_ours
from drover.hypervisors.libvirt.files import nvram_file
from drover.hypervisors.libvirt.images import unpack_nvram
from drover.hypervisors.libvirt.translate import Site, Volume
from drover.hypervisors.port import TargetSettings
from drover.model import Firmware, Ownership, PowerState, VirtualMachine

if TYPE_CHECKING:
    import libvirt

_WRITE_FILE = 'umask 077; mkdir -p "${1%/*}"; cat >"$1.drover" && sync "$1.drover" && mv -f "$1.drover" "$1"'


def define(connection: Connection, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
    offer = survey(connection)
    text = translate.definition(machine, settings, offer)
    wanted = translate.volumes(machine, settings, offer)
    domain = _found(connection, machine, settings.owner)
    if domain is None:
        _require_free(connection, machine, wanted)
        volumes.require_room(offer, wanted)
        with connection.errors():
            domain = connection.libvirt.defineXML(text)
            domain.setAutostart(0)
    else:
        volumes.require_room(offer, [volume for volume in wanted if not volumes.exists(connection, volume.path)])
    for volume in wanted:
        volumes.create(connection, volume)
    _put_nvram(connection, machine)
    return inventory.read(connection, [domain])[0]


def survey(connection: Connection) -> Site:
    """What this host offers to a machine that comes."""
    networks = {network.name: network for network in site.networks(connection)}
    with connection.errors():
        managed = frozenset(network.name() for network in connection.libvirt.listAllNetworks(0))
    pools = {pool.name: pool for pool in site.pools(connection)}
    return Site(connection.name, pools, networks, managed, site.domain_type(connection))


def _found(connection: Connection, machine: VirtualMachine, owner: Ownership) -> "libvirt.virDomain | None":
    """What an earlier try defined, None where nothing is in the way.

    :raises OperatorNeededError: the name or the UUID is taken by something else.
    """
    import libvirt

    named = connection.find_domain(machine.name)
    with connection.errors():
        try:
            same: libvirt.virDomain | None = connection.libvirt.lookupByUUIDString(machine.uuid)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
                raise
            same = None
        for domain, what in ((named, "name"), (same, "UUID")):
            if domain is not None and not is_ours(_tag(domain), owner):
                raise OperatorNeededError(
                    f"Machine '{domain.name()}' on {connection.name} already has the {what} of machine "
                    f"'{machine.name}', and this move did not make it.",
                    remedy="Find out whose it is; rename or remove it by hand if it is in the way.",
                )
    return named


def _tag(domain: "libvirt.virDomain") -> Ownership | None:
    import libvirt

    return xml.ownership(ET.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)))


def _require_free(connection: Connection, machine: VirtualMachine, wanted: list[Volume]) -> None:
    paths = [volume.path for volume in wanted]
    if machine.firmware is Firmware.UEFI:
        paths.append(nvram_file(machine.name))
    for path in paths:
        if volumes.exists(connection, path):
            raise OperatorNeededError(
                f"The file {path} on {connection.name} exists already, and this move did not make it.",
                remedy="Find out whose it is; move it away by hand if it is in the way.",
            )


def _put_nvram(connection: Connection, machine: VirtualMachine) -> None:
    """The UEFI variables (boot entries, Secure Boot keys) belong to the machine as its disks do.

    Those of an earlier try are replaced: the guest may have run on since, and changed its own.
    """
    if machine.hypervisor != "libvirt":
        return  # Another platform's variables mean nothing to OVMF; it finds the disk's own boot loader.
    packed = ET.fromstring(machine.native).findtext(f"metadata/{{{xml.NVRAM}}}nvram")
    path = nvram_file(machine.name)
    if machine.firmware is Firmware.UEFI and packed:
        connection.ssh.check(["sh", "-c", _WRITE_FILE, "sh", path], stdin=unpack_nvram(packed))


def remove(connection: Connection, name: str, owner: Ownership) -> None:
    domain = connection.find_domain(name)
    if domain is None:
        return
    machine = inventory.read(connection, [domain])[0]
    require_ours(connection, machine, owner, "removed")
    if machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{name}' on {connection.name} is not off, so it is not removed.", remedy="Shut it down first."
        )
    for disk in machine.disks:
        nbd_server.stop(connection, machine, disk)
    for path in _made_by_define(connection, machine):
        volumes.delete(connection, path)
    undefine(connection, domain)


def undefine(connection: Connection, domain: "libvirt.virDomain") -> None:
    """Takes the definition away, with what libvirt keeps beside it."""
    import libvirt

    with connection.errors():
        domain.undefineFlags(
            libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
            | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | libvirt.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
        )


def _made_by_define(connection: Connection, machine: VirtualMachine) -> list[str]:
    """The disks that still lie where `define` puts them; one that somebody attached since is not ours to delete."""
    pools = {pool.name: pool.path for pool in site.pools(connection)}
    made = []
    for disk in machine.disks:
        folder = pools.get(disk.pool or "")
        if folder is not None and disk.path == f"{folder}/{translate.volume_name(machine.name, disk)}":
            made.append(disk.path)
    return made


def tag(connection: Connection, name: str, owner: Ownership) -> None:
    """Replaces the tag, in the definition and, where it runs, in the running machine."""
    import libvirt

    domain = connection.domain(name)
    element = xml.owner_element(owner)
    element.tag = "owner"  # libvirt itself puts it into the namespace that is named beside it.
    text = ET.tostring(element, encoding="unicode")
    with connection.errors():
        flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
        flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE if domain.isActive() else 0
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, "drover", xml.OWNER, flags)
