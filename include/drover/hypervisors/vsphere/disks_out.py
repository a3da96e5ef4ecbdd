"""Disks out of a vCenter, without VDDK.

Off, and each disk is one file that the datastore gives out in parts: that file over HTTPS, without its holes where
they are proven (used.py). Else, and where a snapshot chain lies upon the disk: an export lease, whose
packed disks are kept in the staging folder and compared with the lease's digests.

A running machine is frozen by a snapshot of ours first; it is removed in the end, and what a killed try of the same
reader left of it is removed before. Another reader's stays. What was chosen and why stands in the log, and in the label
of each disk.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from drover.blocks.endpoint import Endpoint
from drover.errors import OperatorNeededError
from drover.hypervisors.vsphere import folder, lease_out, nodes, snapshots
from drover.hypervisors.vsphere.folder import DataFile
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.power import state_of
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.surroundings import surroundings
from drover.hypervisors.vsphere.used import tracked, used
from drover.hypervisors.vsphere.versions import versions as versions_of
from drover.model import Disk, PowerState, VirtualMachine

log = logging.getLogger(__name__)
_PURPOSE = "read"
_DIGITS = 12
_FOLDER, _LEASE = "its datastore file", "an export lease"


@dataclass(frozen=True, slots=True)
class State:
    """What is to be read. :param reference: `vim.VirtualMachine`. :param snapshot: `vim.vm.Snapshot`, None: as it is.

    :param devices: disk to the device as it was at that moment.
    """

    machine: VirtualMachine
    reference: Any
    snapshot: Any
    devices: Mapping[str, Node]


@contextmanager
def read_disks(session: Session, machine: VirtualMachine) -> Iterator[Mapping[str, Endpoint]]:
    """:raises OperatorNeededError: a disk cannot be read, or the machine is in a state in which none can."""
    from pyVmomi import vim

    _refuse_unreadable(session, machine)
    reference = vim.VirtualMachine(machine.id, session.stub)
    if machine.state is PowerState.OFF:
        with _endpoints(session, _state(session, machine, reference, None)) as endpoints:
            yield endpoints
            _still_off(session, machine, reference)
    elif machine.state is PowerState.RUNNING:
        with _frozen(session, machine, reference) as state, _endpoints(session, state) as endpoints:
            yield endpoints
    else:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.name} is neither running nor off (it is suspended).",
            remedy="Resume it or shut it down, then try again.",
        )


def release(session: Session, machine: VirtualMachine) -> None:
    """Removes what a killed try of this reader left: its snapshot, and what waits in the staging folder."""
    from pyVmomi import vim

    snapshots.remove(session, vim.VirtualMachine(machine.id, session.stub), machine.name, _purpose(session))
    lease_out.discard(session, machine)


def _purpose(session: Session) -> str:
    """What tells this reader's snapshot from another's: names of snapshots are short, so of its name a digest."""
    reader = session.spec.reader
    return f"{_PURPOSE} {hashlib.sha256(reader.encode()).hexdigest()[:_DIGITS]}" if reader else _PURPOSE


def _refuse_unreadable(session: Session, machine: VirtualMachine) -> None:
    for disk in machine.disks:
        where = f"Disk {disk.name} of machine '{machine.name}' on {session.name}"
        if disk.raw_mapping:
            raise OperatorNeededError(
                f"{where} stands for a LUN (raw device mapping), so it is no file that could be read.",
                remedy="Turn it into a virtual disk (storage vMotion to thin or thick), or move the LUN by itself.",
            )
        if f"disk-encryption {disk.name}" in machine.devices:
            raise OperatorNeededError(
                f"{where} is encrypted, so its file is of no use elsewhere.", remedy="Decrypt it in the vSphere client."
            )
        if disk.independent and machine.state is PowerState.RUNNING:
            raise OperatorNeededError(
                f"{where} is independent: a snapshot leaves it out, so it cannot be read while the machine runs.",
                remedy="Make it dependent, or shut the machine down first and leave it off for the whole move.",
            )


def _still_off(session: Session, machine: VirtualMachine, reference: Any) -> None:
    if state_of(session, reference) is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.name} was started while its disks were read.",
            remedy="Find out who started it; then run this step again.",
        )


@contextmanager
def _frozen(session: Session, machine: VirtualMachine, reference: Any) -> Iterator[State]:
    machine = tracked(session, machine, reference)
    taken = snapshots.create(session, reference, machine.name, _purpose(session))
    log.info(
        "Machine '%s' is frozen by a snapshot, %s.",
        machine.name,
        "quiesced" if taken.quiesced else "as after a power cut (no VMware Tools)",
    )
    try:
        yield _state(session, machine, reference, taken.reference)
    finally:
        snapshots.remove(session, reference, machine.name, _purpose(session))


def _state(session: Session, machine: VirtualMachine, reference: Any, snapshot: Any) -> State:
    """A disk keeps its key, so that it is the same one in a snapshot."""
    one = reference if snapshot is None else snapshot
    config = session.call(session.content.propertyCollector, "RetrievePropertiesEx", *_hardware_of(one))
    found = nodes.children(config, "objects/propSet/val/device") if config is not None else []
    by_key = {nodes.number(device, "key"): device for device in found if nodes.kind(device) == "VirtualDisk"}
    keys = device_keys(session, reference)
    devices = {disk.name: by_key[keys[disk.name]] for disk in machine.disks if keys.get(disk.name) in by_key}
    for disk in machine.disks:
        if disk.name not in devices:
            raise OperatorNeededError(
                f"Disk {disk.name} of machine '{machine.name}' on {session.name} is not there any more.",
                remedy="Someone changed the machine meanwhile; try again.",
            )
    return State(machine, reference, snapshot, devices)


def _hardware_of(one: Any) -> tuple[Any, Any]:
    """Of a machine or a snapshot, as arguments of RetrievePropertiesEx."""
    from pyVmomi import vmodl

    query = vmodl.query.PropertyCollector
    wanted = query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=one)],
        propSet=[query.PropertySpec(type=type(one), pathSet=["config.hardware"])],
    )
    return [wanted], query.RetrieveOptions()


# Which way


@contextmanager
def _endpoints(session: Session, state: State) -> Iterator[dict[str, Endpoint]]:
    machine = state.machine
    files, why = _files(session, state)
    versions = _versions(session, state)
    with ExitStack() as stack:
        if files is not None:
            log.info("The disks of '%s' are read from their datastore files over HTTPS: %s.", machine.name, why)
            uris = {name: stack.enter_context(_over_folder(session, state, name, files[name])) for name in files}
            way = _FOLDER
        else:
            log.info("The disks of '%s' are read through an export lease: %s.", machine.name, why)
            begin = state.reference.ExportVm if state.snapshot is None else state.snapshot.ExportSnapshot
            uris = stack.enter_context(lease_out.over_lease(session, machine, begin, versions))
            way = _LEASE
        yield {
            disk.name: Endpoint(
                uri=uris[disk.name],
                label=f"machine {machine.name}, disk {disk.name} on {session.name}, through {way}",
                size=disk.size,
                version=versions[disk.name],
            )
            for disk in machine.disks
        }


def _files(session: Session, state: State) -> tuple[dict[str, DataFile] | None, str]:
    """The file of each disk, and why; None where one of them cannot be read so."""
    found = {}
    for disk in state.machine.disks:
        backing = nodes.child(state.devices[disk.name], "backing")
        path = nodes.text(backing, "fileName") or ""
        if nodes.child(backing, "parent") is not None:
            return None, f"disk {disk.name} lies upon a snapshot chain"
        if nodes.kind(backing) != "VirtualDiskFlatVer2BackingInfo":
            return None, f"disk {disk.name} is a {nodes.kind(backing)}, which is no single file"
        file = _data_file(session, backing, path, disk)
        if file is None:
            return None, f"disk {disk.name} ({path}) has no file of its own"
        reason = folder.why_not(session, file)
        if reason is not None:
            return None, f"disk {disk.name}: {reason}"
        found[disk.name] = file
    return found, "each is one file that is given out in parts"


def _data_file(session: Session, backing: Node | None, path: str, disk: Disk) -> DataFile | None:
    """`[store] web/web.vmdk` is a page of text; its bytes are in `web/web-flat.vmdk`."""
    store_id = nodes.text(backing, "datastore")
    around = surroundings(session, [store_id])
    datacenter = around.above(store_id, "Datacenter")
    inside = path.partition("] ")[2]
    if store_id is None or datacenter is None or not inside.endswith(".vmdk"):
        return None
    flat = f"{inside.removesuffix('.vmdk')}-flat.vmdk"
    return DataFile(around.inventory_path(datacenter), around.places[store_id].kept, flat, disk.size)


@contextmanager
def _over_folder(session: Session, state: State, name: str, file: DataFile) -> Iterator[str]:
    data = None
    if state.machine.changed_blocks:
        data = used(session, state.reference, state.snapshot, state.devices[name], file)
    with folder.serve(session, file, data) as uri:
        yield uri


def _versions(session: Session, state: State) -> dict[str, str]:
    """A snapshot never changes, and is another one each time."""
    if state.snapshot is not None:
        return {name: f"snapshot {state.snapshot._moId}" for name in state.devices}
    return versions_of(session, state.devices)
