"""Disks of a machine that runs or is paused: libvirt's pull-mode backup job, every disk frozen at the same moment.

The job outlives the caller. Its socket's name says that it is Drover's, so the next try knows it and ends it,
and a backup job of anybody else is left alone and said plainly.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.files import file_name
from drover.model import Disk, VirtualMachine

if TYPE_CHECKING:
    import libvirt

_SOCKET = "drover-read.sock"
_QEMU_FOLDER = "/var/lib/libvirt/qemu"


def begin(connection: Connection, machine: VirtualMachine) -> str:
    """Freezes the disks and exports them; returns the unix socket on the host. Export names are disk names."""
    domain = connection.domain(machine.name)
    end_ours(connection, domain)
    socket = f"{_private_folder(connection, domain)}/{_SOCKET}"
    with connection.errors(), suppress(FileNotFoundError):
        connection.ssh.sftp.remove(socket)
    with connection.errors():
        domain.backupBegin(_job_xml(domain, machine, socket), None)
    return socket


def end_ours(connection: Connection, domain: "libvirt.virDomain") -> None:
    """Ends a backup job that an earlier try left.

    :raises OperatorNeededError: a backup job runs that is not Drover's.
    """
    import libvirt

    with connection.errors():
        try:
            running = domain.backupGetXMLDesc()
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_BACKUP or not domain.isActive():
                return
            raise
    server = ET.fromstring(running).find("server")
    if server is None or not (server.get("socket") or "").endswith(f"/{_SOCKET}"):
        raise OperatorNeededError(
            f"A backup of machine '{domain.name()}' on {connection.name} is running that Drover did not start.",
            remedy="Let it end, or end it with virsh domjobabort, and try again.",
        )
    with connection.errors():
        _abort(connection, domain)


def _abort(connection: Connection, domain: "libvirt.virDomain") -> None:
    """Ends the job and waits until it is gone: the next one cannot begin before."""
    import time

    import libvirt

    with suppress(libvirt.libvirtError):
        domain.abortJob()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            domain.backupGetXMLDesc()
        except libvirt.libvirtError as error:
            if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_BACKUP or not domain.isActive():
                return
            raise
        time.sleep(0.1)
    raise RetryableError(
        f"The backup job of machine '{domain.name()}' on {connection.name} does not end.", remedy="Try again later."
    )


def _private_folder(connection: Connection, domain: "libvirt.virDomain") -> str:
    """libvirt's folder for this run of the machine: QEMU may write there, others may not enter."""
    prefix = f"domain-{domain.ID()}-"
    with connection.errors():
        for entry in connection.ssh.sftp.listdir(_QEMU_FOLDER):
            if entry.startswith(prefix):
                return f"{_QEMU_FOLDER}/{entry}"
    raise RetryableError(
        f"Machine '{domain.name()}' on {connection.name} just stopped.", remedy="Try again: it is then read as it lies."
    )


def _job_xml(domain: "libvirt.virDomain", machine: VirtualMachine, socket: str) -> str:
    root = ET.Element("domainbackup", mode="pull")
    ET.SubElement(root, "server", transport="unix", socket=socket)
    listed = ET.SubElement(root, "disks")
    wanted = {disk.name: disk for disk in machine.disks}
    for target in ET.fromstring(domain.XMLDesc(0)).findall("devices/disk/target"):
        name = target.get("dev", "")
        if name not in wanted:
            ET.SubElement(listed, "disk", name=name, backup="no")
            continue
        disk = ET.SubElement(listed, "disk", name=name, backup="yes", type="file", exportname=name)
        ET.SubElement(disk, "driver", type="qcow2")
        # Where QEMU keeps what the guest overwrites meanwhile; libvirt removes it when the job ends.
        ET.SubElement(disk, "scratch", file=scratch_path(machine, wanted[name]))
    return ET.tostring(root, encoding="unicode")


def scratch_path(machine: VirtualMachine, disk: Disk) -> str:
    """Beside the image where that is a file, so that its pool's room is what is used."""
    folder = disk.path.rpartition("/")[0]
    if not folder or folder.startswith("/dev"):
        folder = "/var/lib/libvirt/images"
    return f"{folder}/{file_name(machine.name, disk.name)}.drover-scratch"


def remove_scratch(connection: Connection, machine: VirtualMachine) -> None:
    """What a job left that did not end in order. The caller has made sure that none runs."""
    paths: Sequence[str] = [scratch_path(machine, disk) for disk in machine.disks]
    connection.ssh.check(["rm", "-f", "--", *paths])
