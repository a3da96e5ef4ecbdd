"""Devices as the API wants them described when a machine is made."""

from collections.abc import Iterator, Sequence
from typing import Any

from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.devices import CONTROLLERS, NICS
from drover.hypervisors.vsphere.place import Site
from drover.hypervisors.vsphere.session import Session
from drover.model import Disk, Nic

_CONTROLLER_TYPES = {word: kind for kind, (_, word) in CONTROLLERS.items()}
_NIC_TYPES = {"vmxnet3": "VirtualVmxnet3", "vmxnet2": "VirtualVmxnet2"} | {
    model: kind for kind, model in NICS.items() if model in ("e1000", "e1000e", "pcnet32")
}
# Every machine has its IDE controllers, under these keys, whoever makes it.
_IDE_KEYS = (200, 201)


def disk_devices(session: Session, disks: Sequence[Disk], site: Site) -> Iterator[Any]:
    """Controllers and new, empty, thin disks, each in its place."""
    from pyVmomi import vim

    change = vim.vm.device.VirtualDeviceSpec
    keys: dict[str, int] = {}
    for number, disk in enumerate(disks):
        place, _, unit = disk.name.partition(":")
        if place not in keys:
            index = int(place.removeprefix(disk.bus))
            if disk.bus == "ide":
                keys[place] = _IDE_KEYS[index]
            else:
                keys[place] = -101 - len(keys)
                yield change(operation="add", device=_controller(disk.controller or "", keys[place], index))
        store = site.datastore(disk.pool or "")
        backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
            fileName=f"[{store.name}]",
            datastore=vim.Datastore(store.id, session.stub),
            diskMode="persistent",
            thinProvisioned=True,
        )
        device = vim.vm.device.VirtualDisk(
            key=-1001 - number,
            controllerKey=keys[place],
            unitNumber=int(unit),
            capacityInKB=disk.size >> 10,
            capacityInBytes=disk.size,
            backing=backing,
        )
        yield change(operation="add", fileOperation="create", device=device)


def _controller(word: str, key: int, index: int) -> Any:
    from pyVmomi import vim

    kind = getattr(vim.vm.device, _CONTROLLER_TYPES[word])
    made = kind(key=key, busNumber=index)
    if issubclass(kind, vim.vm.device.VirtualSCSIController):
        made.sharedBus = "noSharing"
    return made


def nic_devices(session: Session, nics: Sequence[Nic], site: Site) -> Iterator[Any]:
    from pyVmomi import vim

    for number, nic in enumerate(nics):
        device = getattr(vim.vm.device, _NIC_TYPES[nic.model])(
            key=-2001 - number,
            # Manual: vSphere must not give it another one, whoever made it up.
            addressType="manual",
            macAddress=nic.mac,
            backing=network_backing(session, site, nic.network),
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(
                startConnected=True, connected=True, allowGuestControl=True
            ),
        )
        yield vim.vm.device.VirtualDeviceSpec(operation="add", device=device)


def network_backing(session: Session, site: Site, label: str) -> Any:
    """How an adapter hangs on a standard or a distributed port group."""
    from pyVmomi import vim

    one = site.network(label)
    place = site.around.places[one]
    if place.kind != "DistributedVirtualPortgroup":
        return vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(
            deviceName=place.kept, network=vim.Network(one, session.stub)
        )
    switch = key = None
    paths = {"DistributedVirtualPortgroup": ["key", "config.distributedVirtualSwitch"]}
    for found in retrieve(session, paths, [(place.kind, one)]):
        key, switch = found.text("key"), found.text("config.distributedVirtualSwitch")
    uuid = None
    for kind in ("DistributedVirtualSwitch", "VmwareDistributedVirtualSwitch"):
        for found in retrieve(session, {kind: ["uuid"]}):
            uuid = found.text("uuid") if found.id == switch else uuid
    port = vim.dvs.PortConnection(portgroupKey=key, switchUuid=uuid)
    return vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(port=port)
