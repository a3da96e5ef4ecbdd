"""A trial boot: the machine's disks, read through throw-away overlays, on a network without a way out.

Everything made here has a name that follows from the machine's, and the trial machine a tag, so what a killed trial
left is found and removed, and nobody else's. libvirt itself ends the trial machine when this connection drops.
"""

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from drover.errors import OperatorNeededError
from drover.hypervisors.libvirt import translate, xml
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.define import survey
from drover.hypervisors.libvirt.disks import require_ours
from drover.hypervisors.libvirt.files import file_name
from drover.hypervisors.libvirt.inventory import nvram_path
from drover.hypervisors.libvirt.power import pull_plug
from drover.hypervisors.port import Trial
from drover.model import Ownership, PowerState, VirtualMachine

if TYPE_CHECKING:
    import libvirt

ROLE = "trial"
# Where overlays and the copy of the UEFI variables lie: a trial writes little, and QEMU may enter.
FOLDER = "/var/lib/libvirt/qemu/drover-trial"
_OVERLAY = """
umask 022; mkdir -p "${4%/*}"
qemu-img create -q -f qcow2 -b "$1" -F "$2" "$4" "$3" >/dev/null
"""


@contextmanager
def isolated_trial(connection: Connection, machine: VirtualMachine, network: str, owner: Ownership) -> Iterator[Trial]:
    require_ours(connection, machine, owner, "booted on trial")
    if machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {connection.name} is not off, so it is not booted on trial.",
            remedy="Shut it down first.",
        )
    managed = _require_isolated(connection, machine, network)
    clean_up(connection, machine.name)
    _require_free(connection, machine.name)
    try:
        text = _prepare(connection, machine, network, owner, managed=managed)
        _start(connection, text)
        yield Trial(trial_name(machine.name), connection.ssh.open_tcp)
    finally:
        clean_up(connection, machine.name)


def trial_name(machine: str) -> str:
    return f"{machine}-drover-trial"


def clean_up(connection: Connection, machine: str) -> None:
    """Ends the trial machine, if any, and removes what it wrote."""
    import libvirt

    domain = connection.find_domain(trial_name(machine))
    try:
        if domain is not None and _is_a_trial(connection, domain, machine):
            pull_plug(connection, domain)
    except OperatorNeededError as error:
        cause = error.__cause__
        if not isinstance(cause, libvirt.libvirtError) or cause.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:
            raise  # Else it ended by itself meanwhile: a transient machine is then gone.
    connection.ssh.check(["rm", "-rf", "--", _folder(machine)])


def _is_a_trial(connection: Connection, domain: "libvirt.virDomain", machine: str) -> bool:
    """A name says nothing: somebody may have called a machine of theirs so."""
    with connection.errors():
        tag = xml.ownership(ET.fromstring(domain.XMLDesc(0)))
        return tag is not None and (tag.role, tag.machine) == (ROLE, machine) and not domain.isPersistent()


def _require_free(connection: Connection, machine: str) -> None:
    if connection.find_domain(trial_name(machine)) is not None:
        raise OperatorNeededError(
            f"The trial of machine '{machine}' on {connection.name} would be called '{trial_name(machine)}', and there "
            "is a machine of that name, which Drover did not make.",
            remedy="Rename it, then try again.",
        )


def _folder(machine: str) -> str:
    return f"{FOLDER}/{file_name(machine)}"


def _require_isolated(connection: Connection, machine: VirtualMachine, network: str) -> bool:
    """Whether libvirt knows the network (else it is a bare bridge).

    :raises OperatorNeededError: it is not there, not isolated, or one that the machine uses in production.
    """
    offer = survey(connection)
    found = offer.networks.get(network)
    if found is None or not found.active:
        raise OperatorNeededError(
            f"The test network '{network}' is not there or not active on {connection.name}.", remedy="Make or start it."
        )
    production = {offer.networks[nic.network].bridge for nic in machine.nics if nic.network in offer.networks}
    if not found.isolated or found.bridge in production:
        raise OperatorNeededError(
            f"The network '{network}' on {connection.name} is not isolated, so nothing is booted on trial there.",
            remedy="Name a test network whose bridge has no way out: no forwarding, and no ports but guests.",
        )
    return network in offer.managed


def _prepare(connection: Connection, machine: VirtualMachine, network: str, owner: Ownership, *, managed: bool) -> str:
    """Makes the overlays; returns the trial machine's XML."""
    root = ET.fromstring(machine.native)
    translate.localise(root)
    _rename(root, machine)
    _tag(root, replace(owner, machine=machine.name, role=ROLE))
    folder = _folder(machine.name)
    formats = {disk.name: disk for disk in machine.disks}
    for element in root.findall("devices/disk"):
        target = element.find("target")
        disk = formats.get(target.get("dev", "")) if target is not None else None
        if disk is None:
            continue
        overlay = f"{folder}/{file_name(disk.name)}.qcow2"
        argv = ["sh", "-c", _OVERLAY, "sh", disk.path, disk.format.value, str(disk.size), overlay]
        connection.ssh.check(argv)
        _lay_over(element, overlay)
    for element in root.findall("devices/interface"):
        translate.connect_to(element, network, managed=managed)
    _quieten(root)
    _copy_nvram(connection, root, machine, folder)
    return ET.tostring(root, encoding="unicode")


def _rename(root: ET.Element, machine: VirtualMachine) -> None:
    """Another name and UUID; MAC addresses stay, for guests know their adapters by them."""
    other = str(uuid.uuid5(uuid.UUID(machine.uuid), "drover-trial"))
    for tag, value in (("name", trial_name(machine.name)), ("uuid", other)):
        element = root.find(tag)
        if element is not None:
            element.text = value
    # What the guest reads from its BIOS is the same UUID, or libvirt refuses the machine.
    for entry in root.findall("sysinfo/system/entry[@name='uuid']"):
        entry.text = other


def _tag(root: ET.Element, owner: Ownership) -> None:
    metadata = root.find("metadata")
    if metadata is None:
        metadata = ET.SubElement(root, "metadata")
    metadata.append(xml.owner_element(owner))


def _lay_over(element: ET.Element, overlay: str) -> None:
    element.set("type", "file")
    for tag in ("source", "readonly", "shareable"):
        child = element.find(tag)
        if child is not None:
            element.remove(child)
    ET.SubElement(element, "source", file=overlay)
    driver = element.find("driver")
    if driver is None:
        driver = ET.SubElement(element, "driver", name="qemu")
    driver.set("type", "qcow2")


def _quieten(root: ET.Element) -> None:
    """Serial ports that write to a file of the real machine's, and agents' sockets, get places of their own."""
    for element in root.findall("devices/*"):
        if element.tag not in ("serial", "console", "parallel", "channel"):
            continue
        if element.get("type") == "file":
            element.set("type", "pty")
        for tag in ("source", "log"):
            child = element.find(tag)
            if child is not None:
                element.remove(child)


def _copy_nvram(connection: Connection, root: ET.Element, machine: VirtualMachine, folder: str) -> None:
    path, system = nvram_path(ET.fromstring(machine.native)), root.find("os")
    if path is None or system is None:
        return
    copy = f"{folder}/VARS.fd"
    script = 'mkdir -p "${2%/*}"; if [ -f "$1" ]; then cp -- "$1" "$2"; fi'
    connection.ssh.check(["sh", "-c", script, "sh", path, copy])
    nvram = system.find("nvram")
    if nvram is None:
        nvram = ET.SubElement(system, "nvram")
    for child in list(nvram):
        nvram.remove(child)
    nvram.attrib.pop("type", None)
    nvram.text = copy


def _start(connection: Connection, text: str) -> None:
    import libvirt

    with connection.errors():
        connection.libvirt.createXML(text, libvirt.VIR_DOMAIN_START_AUTODESTROY)
