"""A machine's disks, read and written over SMB. The platform takes them at random, so nothing is staged.

qemu decodes single VHD and VHDX files, and no chain of them: the machine may have no checkpoints. One that runs is
frozen by a checkpoint of ours; its disks' files are then still, as what the guest writes goes into new ones. Removing
the checkpoint in the end lets Hyper-V merge them.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from drover.blocks.endpoint import Endpoint
from drover.errors import DroverError, OperatorNeededError
from drover.hypervisors.hyperv import checkpoints, inventory, power
from drover.hypervisors.hyperv.owned import require_off, require_ours
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.hyperv.smb import serve
from drover.hypervisors.hyperv.smb_client import RemoteFile, Share, share_of
from drover.model import Disk, DiskFormat, Ownership, PowerState, VirtualMachine

log = logging.getLogger(__name__)


@contextmanager
def read_disks(session: Session, machine: VirtualMachine) -> Iterator[Mapping[str, Endpoint]]:
    """:raises OperatorNeededError: a disk cannot be read, or the machine is in a state in which none can."""
    share = share_of(session.spec)
    machine = _released(session, machine)
    _refuse_unreadable(session, machine)
    if machine.state is PowerState.OFF:
        with _endpoints(session, share, machine, writable=False) as endpoints:
            yield endpoints
            if power.raw_state(session, machine.id or "") != "Off":
                raise OperatorNeededError(
                    f"Machine '{machine.name}' on {session.target.host} was started while its disks were read.",
                    remedy="Find out who started it; then run this step again.",
                )
    elif machine.state is PowerState.RUNNING:
        with _frozen(session, machine) as frozen, _endpoints(session, share, machine, frozen) as endpoints:
            yield endpoints
    else:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.target.host} is neither running nor off.",
            remedy="Start it or shut it down, then try again.",
        )


@contextmanager
def write_disks(session: Session, machine: VirtualMachine, owner: Ownership) -> Iterator[Mapping[str, Endpoint]]:
    """:raises OperatorNeededError: the machine is not off, or it is not this owner's."""
    require_ours(session, machine, owner, "written to")
    require_off(session, machine, "written to")
    machine = _released(session, machine)
    _refuse_unreadable(session, machine)
    with _endpoints(session, share_of(session.spec), machine, writable=True) as endpoints:
        yield endpoints


def release(session: Session, machine: VirtualMachine) -> None:
    """Removes what a killed try left: our checkpoints."""
    if checkpoints.TRIAL in machine.snapshots:
        checkpoints.end(session, "trial-end", machine.id or "", checkpoints.TRIAL)
    if checkpoints.READ in machine.snapshots:
        _thaw(session, machine)


def _released(session: Session, machine: VirtualMachine) -> VirtualMachine:
    """The machine as it is without our checkpoints: with them, its disks are other files."""
    if not set(machine.snapshots) & set(checkpoints.OURS):
        return machine
    release(session, machine)
    return inventory.read(session, [machine.id or ""])[0]


def _refuse_unreadable(session: Session, machine: VirtualMachine) -> None:
    if machine.snapshots:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.target.host} has checkpoints ({', '.join(machine.snapshots)}), "
            "so its disks are chains of files, which nothing but Hyper-V reads.",
            remedy="Delete them in Hyper-V Manager and wait until they are merged, then try again.",
        )
    for disk in machine.disks:
        where = f"Disk {disk.name} of machine '{machine.name}' on {session.target.host}"
        if disk.raw_mapping:
            raise OperatorNeededError(
                f"{where} is a physical disk (pass-through), so it is no file that could be read.",
                remedy="Turn it into a VHDX first, or move that disk by itself.",
            )
        if disk.backing is not None:
            raise OperatorNeededError(
                f"{where} is a differencing disk upon {disk.backing}, which nothing but Hyper-V reads.",
                remedy="Merge it (Merge-VHD) or convert it (Convert-VHD), then try again.",
            )


@contextmanager
def _endpoints(
    session: Session, share: Share, machine: VirtualMachine, frozen: str = "", *, writable: bool = False
) -> Iterator[dict[str, Endpoint]]:
    """:param frozen: the checkpoint's id, where there is one."""
    with ExitStack() as stack:
        found = {}
        for disk in machine.disks:
            version = f"checkpoint {frozen}" if frozen else _version(share, disk)
            uri = stack.enter_context(serve(share, disk.path, _format(disk), writable=writable))
            found[disk.name] = Endpoint(
                uri=uri,
                label=f"machine {machine.name}, disk {disk.name} on {session.target.host}, over SMB",
                read_only=not writable,
                size=disk.size,
                version=version,
            )
        yield found


def _format(disk: Disk) -> DiskFormat:
    if disk.format not in (DiskFormat.VHDX, DiskFormat.VHD):
        raise OperatorNeededError(f"Disk {disk.name} is no VHD or VHDX.", remedy="Convert it (Convert-VHD).")
    return disk.format


def _version(share: Share, disk: Disk) -> str:
    file = RemoteFile(share, disk.path, writable=False)
    try:
        return file.version
    finally:
        file.close()


# A machine that runs


@contextmanager
def _frozen(session: Session, machine: VirtualMachine) -> Iterator[str]:
    made = checkpoints.make(session, machine.id or "", checkpoints.READ)
    log.info("Machine '%s' is frozen by a checkpoint.", machine.name)
    try:
        yield made
    except BaseException:
        # A host that is gone takes no checkpoint away either; what went wrong first is what is told.
        try:
            _thaw(session, machine)
        except DroverError as error:
            log.warning("Machine '%s' keeps its checkpoint until the next try or a rollback: %s", machine.name, error)
        raise
    _thaw(session, machine)


def _thaw(session: Session, machine: VirtualMachine) -> None:
    checkpoints.end(session, "checkpoint-remove", machine.id or "", checkpoints.READ)
