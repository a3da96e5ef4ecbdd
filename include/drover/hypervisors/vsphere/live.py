"""vMotion: to another host, another datastore, both, or another vCenter. The platform moves the machine, disks and all.

The vCenter drives the move, so it outlives whoever asked for it. A mark in the machine's own settings says which move
it is on; settings travel with the machine, so a retry finds the move by asking either vCenter.
"""

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.port import LiveState, LiveStatus, TargetSettings
from drover.hypervisors.vsphere import inventory, lookup, nodes, tags, tasks
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.define import placement
from drover.hypervisors.vsphere.errors import fault_error, from_fault
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.place import Esx, Site, survey
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.specs import network_backing
from drover.hypervisors.vsphere.tls import spelled
from drover.model import PowerState, VirtualMachine

log = logging.getLogger(__name__)
MARK = "drover.live"
_KIND = "VirtualMachine"
# How their tasks are described; some versions put more behind it.
_RELOCATE = ("VirtualMachine.migrate", "VirtualMachine.relocate", "Drm.ExecuteVMotionLRO")
_PERCENT = 100


def obstacles(source: Session, target: Session, name: str, settings: TargetSettings) -> list[tuple[str, str]]:
    """What the platform's own check says against the move: the fault's name and its sentence. Nothing is changed."""
    machine = inventory.machine(source, name)
    site = survey(target)
    host = _host(source, target, machine, site, settings)
    return _check(source, machine, _spec(source, target, machine, site, host, settings))


def start(
    source: Session, target: Session, name: str, settings: TargetSettings, *, bandwidth: int | None, paused: bool
) -> None:
    """:raises OperatorNeededError: the machine does not run, or the platform refuses the move; says why."""
    if status(source, target, name).state in (LiveState.RUNNING, LiveState.DONE):
        return
    if paused:
        raise OperatorNeededError(
            f"vMotion cannot leave machine '{name}' paused at the target, so its disks cannot be compared there.",
            remedy="Take 'compare_at_switchover' out of the wave for this machine, or move it 'cold'.",
        )
    machine = inventory.machine(source, name)
    if machine.state is not PowerState.RUNNING:
        raise OperatorNeededError(
            f"Machine '{name}' on {source.name} is {machine.state.value}, so it cannot be moved live.",
            remedy="Start it, or give it the strategy 'cold'.",
        )
    if bandwidth is not None:
        log.warning("vMotion knows no limit for one move; '%s' goes as fast as the network lets it.", name)
    site = survey(target)
    host = _host(source, target, machine, site, settings)
    spec = _spec(source, target, machine, site, host, settings)
    against = _check(source, machine, spec)
    if against:
        raise OperatorNeededError(
            f"Machine '{name}' cannot be moved live from {source.name} to {host.name}: "
            f"{' '.join(sentence for _, sentence in against)}",
            remedy="Correct that in the vSphere client, or give the machine the strategy 'cold'.",
        )
    reference = _reference(source, machine)
    _mark(source, reference, machine, target, host, settings)
    with source.errors():
        reference.RelocateVM_Task(spec, "defaultPriority")


def _reference(session: Session, machine: VirtualMachine) -> Any:
    from pyVmomi import vim

    return vim.VirtualMachine(machine.id, session.stub)


def _same(source: Session, target: Session) -> bool:
    """One vCenter behind both connections."""
    return bool(source.content.about.instanceUuid == target.content.about.instanceUuid)


def _host(source: Session, target: Session, machine: VirtualMachine, site: Site, settings: TargetSettings) -> Esx:
    """Within one vCenter it is the machine's own host only where that was asked for: its storage moves then."""
    host = site.host_for(machine, settings)
    if _same(source, target) and host.name == machine.host and settings.host != machine.host:
        others = tuple(one for one in site.hosts if one.name != machine.host)
        return replace(site, hosts=others).host_for(machine, settings)
    return host


# The order


def _spec(
    source: Session, target: Session, machine: VirtualMachine, site: Site, host: Esx, settings: TargetSettings
) -> Any:
    from pyVmomi import vim

    folder, pool = placement(target, site, host)
    keys = device_keys(source, _reference(source, machine))
    stores = {
        disk.name: site.datastore(settings.storage.get(disk.pool or "", "")) if disk.pool in settings.storage else None
        for disk in machine.disks
    }
    for name, store in stores.items():
        if store is None:
            raise OperatorNeededError(
                f"Disk {name} of machine '{machine.name}' lies in a datastore that is not mapped.",
                remedy="Add it to mappings: storage.",
            )
    first = next((store for store in stores.values() if store is not None), None)
    across = not _same(source, target)
    locators = [
        vim.vm.RelocateSpec.DiskLocator(diskId=keys[name], datastore=vim.Datastore(store.id, target.stub))
        for name, store in stores.items()
        if store is not None
    ]
    stub = target.stub  # A reference carries an id; those of another vCenter are read by that one.
    return vim.vm.RelocateSpec(
        service=_service(target) if across else None,
        folder=vim.Folder(folder._moId, stub) if across else None,
        host=vim.HostSystem(host.id, stub),
        pool=vim.ResourcePool(pool._moId, stub),
        datastore=vim.Datastore(first.id, stub) if first is not None else None,
        disk=locators,
        deviceChange=list(_adapters(source, target, machine, site, settings)),
    )


def _service(target: Session) -> Any:
    from pyVmomi import vim

    about = target.content.about
    return vim.ServiceLocator(
        instanceUuid=about.instanceUuid,
        url=f"https://{target.name}:{target.port}",
        credential=vim.ServiceLocator.NamePassword(username=target.spec.login, password=target.spec.password),
        sslThumbprint=_thumbprint(target),
    )


def _thumbprint(target: Session) -> str:
    """SHA-1, as vSphere wants it, of the very certificate that this session has verified."""
    line = target.http().connection()
    try:
        with target.errors():
            line.connect()
        der: bytes = line.sock.getpeercert(binary_form=True)  # type: ignore[assignment]
    finally:
        line.close()
    return spelled(hashlib.sha1(der, usedforsecurity=False).hexdigest())


def _adapters(
    source: Session, target: Session, machine: VirtualMachine, site: Site, settings: TargetSettings
) -> Iterator[Any]:
    from pyVmomi import vim

    keys = device_keys(source, _reference(source, machine))
    with source.errors():
        devices = {one.key: one for one in _reference(source, machine).config.hardware.device}
    for nic in machine.nics:
        wanted = settings.networks.get(nic.network)
        if wanted is None:
            raise OperatorNeededError(
                f"Machine '{machine.name}' has an adapter on network '{nic.network}', which is not mapped.",
                remedy="Add it to mappings: networks.",
            )
        if _same(source, target) and wanted == nic.network:
            continue
        device = devices[keys[nic.mac]]
        device.backing = network_backing(target, site, wanted)
        yield vim.vm.device.VirtualDeviceSpec(operation="edit", device=device)


# The platform's own check


def _check(source: Session, machine: VirtualMachine, spec: Any) -> list[tuple[str, str]]:
    """Errors of CheckRelocate. A vCenter that has no such check says so when the move begins."""
    from pyVmomi import vmodl

    checker = source.content.vmProvisioningChecker
    if checker is None:
        return []
    with source.errors():
        try:
            task = checker.CheckRelocate_Task(_reference(source, machine), spec)
        except (vmodl.fault.NotSupported, vmodl.fault.MethodNotFound):
            return []
    results = tasks.wait(source, task, f"the check of the move of machine '{machine.name}'")
    return [_told(source, error) for result in results or () for error in result.error or ()]


def _told(source: Session, error: Any) -> tuple[str, str]:
    kind = type(error.fault).__name__.rpartition(".")[2]
    if error.localizedMessage and not getattr(error.fault, "msg", None):
        error.fault.msg = error.localizedMessage
    return kind, from_fault(source.name, error.fault, "vMotion").message


# Which move it is on


def _mark(
    source: Session, reference: Any, machine: VirtualMachine, target: Session, host: Esx, settings: TargetSettings
) -> None:
    """Before it begins: where it goes, whose it is, and that it may run there."""
    from pyVmomi import vim

    going = {"vcenter": target.content.about.instanceUuid, "host": host.name, "from": machine.host}
    owner = replace(settings.owner, role="started")
    options = [vim.option.OptionValue(key=MARK, value=json.dumps(going, sort_keys=True)), tags.option(owner)]
    with source.errors():
        task = reference.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=options))
    tasks.wait(source, task, f"the mark of machine '{machine.name}'")


def _unmark(session: Session, reference: Any, name: str) -> None:
    from pyVmomi import vim

    options = [vim.option.OptionValue(key=key, value="") for key in (MARK, tags.KEY)]
    with session.errors():
        task = reference.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=options))
    tasks.wait(session, task, f"the mark of machine '{name}'")


def _going(session: Session, machine_id: str) -> dict[str, str]:
    for found in retrieve(session, {_KIND: ["config.extraConfig"]}, [(_KIND, machine_id)]):
        for option in nodes.listed(found.node("config.extraConfig")):
            if nodes.text(option, "key") == MARK and nodes.text(option, "value"):
                going: dict[str, str] = json.loads(nodes.text(option, "value") or "{}")
                return going
    return {}


def status(source: Session, target: Session, name: str) -> LiveStatus:
    """What both vCenters say of the move of `name`."""
    here = lookup.find(source, name)
    if here is not None:
        task, found = _task(source, here._moId)
        if task is not None and found is not None and not found.ended:
            return _running(source, here._moId, found.percent or 0)
    arrived = _arrived(source, target, name)
    if arrived is not None:
        return _done(arrived)
    if here is None:
        return LiveStatus(LiveState.FAILED, message=f"it is neither on {source.name} nor on {target.name}")
    if not _going(source, here._moId):
        return LiveStatus(LiveState.ABSENT)
    if task is not None and found is not None and found.word == "error":
        return LiveStatus(LiveState.FAILED, message=fault_error(source.name, found.error).message)
    return LiveStatus(LiveState.ABSENT)


def _running(source: Session, machine_id: str, percent: int) -> LiveStatus:
    """The platform tells a percentage of memory and disks together."""
    machine = next(iter(inventory.read(source, [machine_id])), None)
    total = machine.memory + sum(disk.allocated for disk in machine.disks) if machine else _PERCENT
    return LiveStatus(LiveState.RUNNING, done=total * percent // _PERCENT, total=total)


def _done(machine: VirtualMachine) -> LiveStatus:
    """vCenter does not say how long the guest stood still."""
    total = machine.memory + sum(disk.allocated for disk in machine.disks)
    return LiveStatus(LiveState.DONE, done=total, total=total)


def _arrived(source: Session, target: Session, name: str) -> VirtualMachine | None:
    """The machine where its mark says that it goes; None while it is not there."""
    there = lookup.find(target, name)
    if there is None:
        return None
    going = _going(target, there._moId)
    machine = next(iter(inventory.read(target, [there._moId])), None)
    if machine is None or going.get("vcenter") != target.content.about.instanceUuid:
        return None
    if _same(source, target):
        task, found = _task(source, there._moId)
        moved = machine.host == going.get("host") and going.get("host") != going.get("from")
        return machine if moved or (found is not None and found.word == "success") else None
    return machine if machine.state is PowerState.RUNNING else None


def _task(session: Session, machine_id: str) -> tuple[Any, "tasks.State | None"]:
    """The machine's latest relocation; the server remembers it for some minutes after its end."""
    from pyVmomi import vim

    ids: Sequence[str] = ()
    for found in retrieve(session, {_KIND: ["recentTask"]}, [(_KIND, machine_id)]):
        ids = [nodes.text(one) or "" for one in nodes.listed(found.node("recentTask"))]
    known = {
        one.id: one.text("info.descriptionId") or ""
        for one in retrieve(session, {"Task": ["info.descriptionId"]}, [("Task", one) for one in ids])
    }
    moves = [one for one in ids if known.get(one, "").startswith(_RELOCATE)]
    if not moves:
        return None, None
    task = vim.Task(moves[-1], session.stub)
    return task, tasks.state_of(session, task)


def cancel(source: Session, name: str) -> None:
    """Asks the vCenter to end the move and waits until it has; the machine goes on where it was."""
    here = lookup.find(source, name)
    if here is None:
        return
    task, found = _task(source, here._moId)
    if task is not None and found is not None and not found.ended:
        tasks.cancel(source, task)
        for state in tasks.watch(source, task):
            if state.word == "success":
                raise RetryableError(
                    f"The live move of machine '{name}' was done before it could be cancelled.",
                    remedy="Move it back.",
                )
    if _going(source, here._moId):
        _unmark(source, here, name)
