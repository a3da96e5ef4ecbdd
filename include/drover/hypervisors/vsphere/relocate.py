"""What is asked of a vCenter for a vMotion, and what its own check says against it."""

import hashlib
from collections.abc import Iterator
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.mapped import network_for
from drover.hypervisors.port import LiveObstacle, TargetSettings, Weight
from drover.hypervisors.vsphere import tasks
from drover.hypervisors.vsphere.define import placement
from drover.hypervisors.vsphere.errors import from_fault
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.place import Esx, Site
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.specs import network_backing
from drover.hypervisors.vsphere.tls import spelled
from drover.model import VirtualMachine


def reference_of(session: Session, machine: VirtualMachine) -> Any:
    from pyVmomi import vim

    return vim.VirtualMachine(machine.id, session.stub)


def same_vcenter(source: Session, target: Session) -> bool:
    """One vCenter behind both connections."""
    return bool(source.content.about.instanceUuid == target.content.about.instanceUuid)


def spec(
    source: Session, target: Session, machine: VirtualMachine, site: Site, host: Esx, settings: TargetSettings
) -> Any:
    from pyVmomi import vim

    folder, pool = placement(target, site, host)
    keys = device_keys(source, reference_of(source, machine))
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
    across = not same_vcenter(source, target)
    locators = [
        vim.vm.RelocateSpec.DiskLocator(diskId=keys[name], datastore=vim.Datastore(store.id, target.stub))
        for name, store in stores.items()
        if store is not None
    ]
    # Within its cluster it keeps the resource pool that it is in.
    stays = not across and any(one.name == machine.host and one.compute == host.compute for one in site.hosts)
    stub = target.stub  # A reference carries an id; those of another vCenter are read by that one.
    return vim.vm.RelocateSpec(
        service=_service(target) if across else None,
        folder=vim.Folder(folder._moId, stub) if across else None,
        host=vim.HostSystem(host.id, stub),
        pool=None if stays else vim.ResourcePool(pool._moId, stub),
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

    keys = device_keys(source, reference_of(source, machine))
    with source.errors():
        devices = {one.key: one for one in reference_of(source, machine).config.hardware.device}
    for nic in machine.nics:
        wanted = network_for(machine, nic.network, settings)
        if same_vcenter(source, target) and wanted == nic.network:
            continue
        device = devices[keys[nic.mac]]
        device.backing = network_backing(target, site, wanted)
        yield vim.vm.device.VirtualDeviceSpec(operation="edit", device=device)


def check(source: Session, machine: VirtualMachine, spec: Any) -> list[LiveObstacle]:
    """Errors and warnings of CheckRelocate; where the vCenter has no such check, that alone, which does not block.

    A check that says nothing of the machine has found nothing out: that blocks.
    """
    from pyVmomi import vmodl

    checker = source.content.vmProvisioningChecker
    if checker is None:
        return [_unasked(source)]
    with source.errors():
        try:
            task = checker.CheckRelocate_Task(reference_of(source, machine), spec)
        except (vmodl.fault.NotSupported, vmodl.fault.MethodNotFound):
            return [_unasked(source)]
    results = tasks.wait(source, task, f"the check of the move of machine '{machine.name}'")
    found = [_told(source, error, Weight.REFUSES) for result in results or () for error in result.error or ()]
    found += [_told(source, fault, Weight.WARNS) for result in results or () for fault in result.warning or ()]
    if not any(result.vm is not None and result.vm._moId == machine.id for result in results or ()):
        sentence = (
            f"{source.name} has checked the move of machine '{machine.name}' and says nothing of it, neither for nor "
            "against."
        )
        found.append(LiveObstacle("CheckRelocate", sentence))
    return found


def _unasked(source: Session) -> LiveObstacle:
    sentence = f"{source.name} does not offer the check that would tell what stands against that (CheckRelocate)."
    return LiveObstacle("CheckRelocate", sentence, weight=Weight.UNASKED)


def _told(source: Session, fault: Any, weight: Weight) -> LiveObstacle:
    """:param fault: pyvmomi gives it without the `LocalizedMethodFault` that the API wraps it in."""
    kind = type(fault).__name__.rpartition(".")[2]
    return LiveObstacle(kind, from_fault(source.name, fault, "vMotion").message, weight=weight)
