"""Disks into a vCenter, which cannot be written at random: they are written here, then sent as a whole.

While they are written they are images in the staging folder, under names that follow from the machine, so that a
retry goes on with them. When the writing has ended well they are packed and sent through an import lease, which makes
a machine of its own for them; its disks then take the place of the empty ones. Where the server offers no lease
(a right that is missing, say), the bytes are put over the datastore's files. A killed upload is found and repeated.
"""

import hashlib
import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.blocks.vmdk import pack
from drover.errors import OperatorNeededError, RetryableError
from drover.evidence.files import safe_name, write_durably
from drover.hypervisors.staging import require_room, staging_folder
from drover.hypervisors.vsphere import files_in, inventory, lookup, nfc, nodes, tags, tasks
from drover.hypervisors.vsphere.errors import fault_error
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.names import escape
from drover.hypervisors.vsphere.owned import require_ours
from drover.hypervisors.vsphere.place import Esx, Site, survey
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.specs import disk_devices
from drover.model import Disk, DiskFormat, Ownership, PowerState, Progress, VirtualMachine

log = logging.getLogger(__name__)
# The role of the machine that an import lease makes; it never runs and never stays.
_ROLE = "upload"
_SUFFIX = "-drover-upload"
_TOKEN = "token"
# What a vCenter takes as a name, as it keeps it.
_LONGEST_NAME = 80
_TRIES = 4


@contextmanager
def write_disks(session: Session, machine: VirtualMachine, owner: Ownership) -> Iterator[Mapping[str, Endpoint]]:
    """:raises OperatorNeededError: the machine is not off, or it is not this owner's; there is no room."""
    require_ours(session, machine, owner, "written to")
    if machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.name} is not off, so its disks are not written to.",
            remedy="Shut it down first.",
        )
    place = _staging(session, machine)
    state = _token(place)
    with ExitStack() as stack:
        endpoints = {}
        for disk in machine.disks:
            image = _image(place, disk)
            if not image.exists():
                create_image(image, DiskFormat.RAW, disk.size)
            served = stack.enter_context(serve_image(image, format=DiskFormat.RAW, read_only=False))
            label = f"machine {machine.name}, disk {disk.name} for {session.name}, staged as {state}"
            endpoints[disk.name] = replace(served, label=label, size=disk.size)
        yield endpoints
    _send(session, machine, owner, place)
    _remove(place)


def require_staging(machine: VirtualMachine) -> None:
    """:raises OperatorNeededError: there is no room for the machine's disks, once as they are and once packed."""
    needed = 2 * sum(disk.allocated for disk in machine.disks)
    require_room(staging_folder(), needed, f"Machine '{machine.name}' on its way")


def discard(session: Session, machine: VirtualMachine) -> None:
    """Removes what waits in the staging folder, and what an upload that was killed has made."""
    _remove(_staging(session, machine))
    _clear(session, machine)


def _staging(session: Session, machine: VirtualMachine) -> Path:
    return staging_folder(f"in-{safe_name(session.name)}-{safe_name(machine.uuid)}")


def _image(place: Path, disk: Disk) -> Path:
    return place / f"{safe_name(disk.name)}.raw"


def _token(place: Path) -> str:
    """Says which images these are: a journal of earlier ones, which were sent and removed, must not fit them."""
    file = place / _TOKEN
    if not file.exists():
        for image in place.iterdir():
            image.unlink()
        write_durably(file, uuid.uuid4().hex[:8].encode())
    return file.read_text()


def _remove(place: Path) -> None:
    """The token first: were an image gone before it, an empty one would pass for what a journal says was written."""
    (place / _TOKEN).unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)


# Sending


def _send(session: Session, machine: VirtualMachine, owner: Ownership, place: Path) -> None:
    packed = _pack(machine, place)
    site = survey(session)
    for label in {disk.pool for disk in machine.disks}:
        needed = sum(packed[disk.name].stat().st_size for disk in machine.disks if disk.pool == label)
        _require_room(session, site, label, needed)
    if not _through_lease(session, site, machine, owner, packed):
        for disk in machine.disks:
            files_in.send(session, site, disk, _image(place, disk))


def _pack(machine: VirtualMachine, place: Path) -> dict[str, Path]:
    packed = {}
    for disk in machine.disks:
        target = place / f"{safe_name(disk.name)}.vmdk"
        target.unlink(missing_ok=True)  # of a try that was killed; the image may have been written since
        with serve_image(_image(place, disk), format=DiskFormat.RAW, read_only=True) as image:
            pack(replace(image, label=f"machine {machine.name}, disk {disk.name}"), target, progress=_tell)
        packed[disk.name] = target
    return packed


def _tell(progress: Progress) -> None:
    log.debug("%s: %d of %d bytes", progress.label, progress.done, progress.total)


def _require_room(session: Session, site: Site, label: str | None, needed: int) -> None:
    """:param needed: what is packed takes up at least that much. :raises OperatorNeededError: the datastore is full."""
    free = site.datastore(label or "").pool.available
    if needed > free:
        raise OperatorNeededError(
            f"The datastore '{label}' on {session.name} is full: {needed} bytes are needed, {free} are free.",
            remedy="Make room there, or map the storage to another datastore.",
        )


# Through a lease


def _through_lease(
    session: Session, site: Site, machine: VirtualMachine, owner: Ownership, packed: Mapping[str, Path]
) -> bool:
    """False where the server offers no import lease to this user."""
    from pyVmomi import vim, vmodl

    _clear(session, machine)
    host = next(host for host in site.hosts if host.name == machine.host)
    what = f"the upload of machine '{machine.name}'"
    refused = []

    def begin() -> Any:
        pool, folder = _pool_and_folder(session, machine)
        spec = _import_spec(session, site, machine, owner)
        try:
            return pool.ImportVApp(spec, folder, vim.HostSystem(host.id, session.stub))
        except (vmodl.fault.NotSupported, vmodl.fault.MethodNotFound, vim.fault.NoPermission) as fault:
            refused.append(type(fault).__name__.rpartition(".")[2])
            raise

    try:
        with nfc.lease(session, begin, what, [disk.name for disk in machine.disks]) as lease:
            log.info("The disks of '%s' are sent through an import lease: the server offers one.", machine.name)
            for disk in machine.disks:
                _upload(session, lease, disk, packed[disk.name])
    except OperatorNeededError:
        if not refused:
            raise
        log.info("The disks of '%s' go into its datastore files: no lease is offered (%s).", machine.name, refused[0])
        return False
    carrier = lookup.find(session, _carrier(machine.name))
    _swap(session, machine, host, carrier)
    _clear(session, machine)
    return True


def _upload(session: Session, lease: nfc.Lease, disk: Disk, packed: Path) -> None:
    for number in range(1, _TRIES + 1):
        try:
            lease.upload(disk.name, packed, _tell)
            return
        except (OperatorNeededError, RetryableError) as error:
            # A server that is full may close the line before all is sent; what it says of that is lost then.
            _require_room(session, survey(session), disk.pool, packed.stat().st_size)
            if number == _TRIES or isinstance(error, OperatorNeededError):
                raise
            log.warning("%s Sending disk %s again (%d of %d).", error.message, disk.name, number, _TRIES - 1)


def _carrier(name: str) -> str:
    """Its name; a long one is cut, and told from others that begin so by a digest of it."""
    if len(escape(f"{name}{_SUFFIX}")) <= _LONGEST_NAME:
        return f"{name}{_SUFFIX}"
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}{_SUFFIX}"
    cut = name
    while len(escape(cut)) + len(end) > _LONGEST_NAME:
        cut = cut[:-1]
    return f"{cut}{end}"


def _import_spec(session: Session, site: Site, machine: VirtualMachine, owner: Ownership) -> Any:
    from pyVmomi import vim

    store = site.datastore(machine.disks[0].pool or "").name
    spec = vim.vm.ConfigSpec(
        name=escape(_carrier(machine.name)),
        version=machine.machine_type,
        guestId="otherGuest64",
        numCPUs=1,
        memoryMB=4,
        files=vim.vm.FileInfo(vmPathName=f"[{store}]"),
        extraConfig=[tags.option(replace(owner, role=_ROLE))],
        deviceChange=list(disk_devices(session, machine.disks, site)),
    )
    return vim.vm.VmImportSpec(configSpec=spec)


def _pool_and_folder(session: Session, machine: VirtualMachine) -> tuple[Any, Any]:
    """Those of the machine itself."""
    from pyVmomi import vim

    mine = vim.VirtualMachine(machine.id, session.stub)
    return mine.resourcePool, mine.parent


def _swap(session: Session, machine: VirtualMachine, host: Esx, carrier: Any) -> None:
    """Puts the disks that came in the place of the empty ones, one after the other."""
    from pyVmomi import vim

    came = {disk.name: disk for disk in inventory.read(session, [carrier._moId])[0].disks}
    keys = device_keys(session, carrier)
    manager, datacenter = session.content.virtualDiskManager, vim.Datacenter(host.datacenter, session.stub)
    for disk in machine.disks:
        what = f"putting disk {disk.name} of machine '{machine.name}' in its place"
        with session.errors():
            device = next(one for one in carrier.config.hardware.device if one.key == keys[disk.name])
            change = vim.vm.device.VirtualDeviceSpec(operation="remove", device=device)
            task = carrier.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change]))
        tasks.wait(session, task, what)
        with session.errors():
            task = manager.MoveVirtualDisk_Task(came[disk.name].path, datacenter, disk.path, datacenter, True)
        tasks.wait(session, task, what)


def _clear(session: Session, machine: VirtualMachine) -> None:
    """Removes the machine of an import lease, if it is ours, and a disk that a killed try took from it."""
    found = lookup.find(session, _carrier(machine.name))
    if found is None:
        return
    carrier = inventory.read(session, [found._moId])[0]
    tag = carrier.ownership
    if tag is None or tag.role != _ROLE or machine.ownership is None or not tag.same_machine(machine.ownership):
        raise OperatorNeededError(
            f"Machine '{carrier.name}' on {session.name} is in the way of an upload, and Drover did not make it.",
            remedy="Find out whose it is; rename or remove it by hand.",
        )
    with session.errors():
        home = found.config.files.vmPathName.rpartition("/")[0]
        task = found.Destroy_Task()
    tasks.wait(session, task, f"the removal of '{carrier.name}'")
    _remove_folder(session, home, carrier)


def _remove_folder(session: Session, home: str, carrier: VirtualMachine) -> None:
    """What a killed try had taken from the carrier is still in its folder, which else went with it."""
    from pyVmomi import vim

    if _SUFFIX not in home:  # The rest of its name is not always a name for a folder.
        return
    datacenter = next(host.datacenter for host in survey(session).hosts if host.name == carrier.host)
    with session.errors():
        place = vim.Datacenter(datacenter, session.stub)
        task = session.content.fileManager.DeleteDatastoreFile_Task(home, place)
    for state in tasks.watch(session, task):
        if state.word == "error" and nodes.kind(nodes.child(state.error, "fault")) != "FileNotFound":
            raise fault_error(session.name, state.error, f"the removal of the folder {home}")
