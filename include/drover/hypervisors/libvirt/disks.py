"""A machine's disks as NBD exports that can be reached from here: read at one moment, or written."""

import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import quote

from drover.blocks.endpoint import Endpoint
from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.libvirt import backup_job, nbd_server
from drover.hypervisors.libvirt.connection import Connection
from drover.hypervisors.libvirt.power import power_state
from drover.model import Disk, Ownership, PowerState, VirtualMachine


@contextmanager
def read_disks(connection: Connection, machine: VirtualMachine) -> Iterator[Mapping[str, Endpoint]]:
    """:raises OperatorNeededError: a disk cannot be opened, or the machine is in a state in which none can."""
    if machine.state is PowerState.OFF:
        with _exports(connection, machine, read_only=True) as endpoints:
            yield endpoints
            _still_off(connection, machine)
    elif machine.state in (PowerState.RUNNING, PowerState.PAUSED):
        with _frozen(connection, machine) as endpoints:
            yield endpoints
    else:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {connection.name} is neither running nor off (saved, or crashed).",
            remedy="Start it or shut it down, then try again.",
        )


@contextmanager
def write_disks(connection: Connection, machine: VirtualMachine, owner: Ownership) -> Iterator[Mapping[str, Endpoint]]:
    """:raises OperatorNeededError: the machine is not off, or it is not this owner's."""
    require_ours(connection, machine, owner, "written to")
    if machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {connection.name} is not off, so its disks are not written to.",
            remedy="Shut it down first.",
        )
    with _exports(connection, machine, read_only=False) as endpoints:
        yield endpoints


def require_ours(connection: Connection, machine: VirtualMachine, owner: Ownership, what: str) -> None:
    """:raises OperatorNeededError: the machine's tag does not say that this owner made it."""
    if not is_ours(machine.ownership, owner):
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {connection.name} was not made by this move, so it is not {what}.",
            remedy="Find out whose it is; rename or remove it by hand if it is in the way.",
        )


def is_ours(tag: Ownership | None, owner: Ownership) -> bool:
    """Whether `tag` marks what a move made for this owner; the run may be another one of the same wave."""
    return tag is not None and tag.role == "target" and tag.same_machine(owner)


def release(connection: Connection, machine: VirtualMachine) -> None:
    """Ends what a killed try left open on this machine's disks; the image locks that it held are free then."""
    for disk in machine.disks:
        nbd_server.stop(connection, machine, disk)
    backup_job.end_ours(connection, connection.domain(machine.name))
    backup_job.remove_scratch(connection, machine)


def _label(machine: VirtualMachine, disk: Disk) -> str:
    return f"machine {machine.name}, disk {disk.name} on {machine.host}"


@contextmanager
def _frozen(connection: Connection, machine: VirtualMachine) -> Iterator[dict[str, Endpoint]]:
    socket = backup_job.begin(connection, machine)
    try:
        with _forward(connection, socket) as local:
            yield {disk.name: _endpoint(machine, disk, local, read_only=True) for disk in machine.disks}
    finally:
        backup_job.end_ours(connection, connection.domain(machine.name))


@contextmanager
def _exports(connection: Connection, machine: VirtualMachine, *, read_only: bool) -> Iterator[dict[str, Endpoint]]:
    with ExitStack() as stack:
        endpoints = {}
        for disk in machine.disks:
            stack.callback(nbd_server.stop, connection, machine, disk)
            socket = nbd_server.start(connection, machine, disk, read_only=read_only)
            local = stack.enter_context(_forward(connection, socket))
            version = _version(connection, disk) if read_only else ""
            endpoints[disk.name] = _endpoint(machine, disk, local, read_only=read_only, version=version)
        yield endpoints


@contextmanager
def _forward(connection: Connection, socket: str) -> Iterator[str]:
    local = connection.forwards.add(socket)
    try:
        yield str(local)
    finally:
        connection.forwards.drop(local)


def _endpoint(machine: VirtualMachine, disk: Disk, local: str, *, read_only: bool, version: str = "") -> Endpoint:
    uri = f"nbd+unix:///{quote(disk.name, safe='')}?socket={quote(local)}"
    return Endpoint(uri=uri, label=_label(machine, disk), read_only=read_only, size=disk.size, version=version)


def _version(connection: Connection, disk: Disk) -> str:
    """Changes when the image does. Of a chain only the top is written to, so only the top can change.

    Of a block device nobody can tell: QEMU has a device node of its own, and the host's shows nothing of what it wrote.
    """
    told = connection.ssh.check(["stat", "--dereference", "--format=%f %.9Y:%i:%s", "--", disk.path]).decode().strip()
    kind, _, version = told.partition(" ")
    return version if stat.S_ISREG(int(kind, 16)) else ""


def _still_off(connection: Connection, machine: VirtualMachine) -> None:
    """What was read is one moment's state only if nobody started the machine meanwhile."""
    if power_state(connection, machine.name) is not PowerState.OFF:
        raise RetryableError(
            f"Machine '{machine.name}' on {connection.name} was started while its disks were read.",
            remedy="Shut it down and try again; what was read is of no use.",
        )
