"""A machine's virtual hardware, from the server's XML to the model's disks, adapters and words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.nodes import Node
from drover.hypervisors.vsphere.surroundings import Surroundings
from drover.model import Disk, DiskFormat, Nic

# What a controller is called in the API: the bus it makes, and the model's word for it.
CONTROLLERS = {
    "ParaVirtualSCSIController": ("scsi", "pvscsi"),
    "VirtualLsiLogicController": ("scsi", "lsilogic"),
    "VirtualLsiLogicSASController": ("scsi", "lsisas1068"),
    "VirtualBusLogicController": ("scsi", "buslogic"),
    "VirtualAHCIController": ("sata", "ahci"),
    "VirtualIDEController": ("ide", "ide"),
    "VirtualNVMEController": ("nvme", "nvme"),
}
NICS = {
    "VirtualVmxnet3": "vmxnet3",
    "VirtualVmxnet2": "vmxnet2",
    "VirtualVmxnet": "vmxnet2",
    "VirtualPCNet32": "pcnet32",
    "VirtualE1000": "e1000",
    "VirtualE1000e": "e1000e",
    "VirtualSriovEthernetCard": "sriov",
    "VirtualVmxnet3Vrdma": "vmxnet3-vrdma",
}
_RAW = {
    "VirtualDiskRawDiskMappingVer1BackingInfo",
    "VirtualDiskRawDiskVer2BackingInfo",
    "VirtualDiskPartitionedRawDiskVer2BackingInfo",
}
# What every machine has, or what makes no difference to one that moves.
_PLAIN = {
    "VirtualPCIController",
    "VirtualPS2Controller",
    "VirtualSIOController",
    "VirtualUSBController",
    "VirtualUSBXHCIController",
    "VirtualKeyboard",
    "VirtualPointingDevice",
    "VirtualMachineVideoCard",
    "VirtualMachineVMCIDevice",
    *CONTROLLERS,
}
_WORDS = {
    "VirtualTPM": "tpm",
    "VirtualPCIPassthrough": "hostdev",
    "VirtualSCSIPassthrough": "hostdev",
    "VirtualUSB": "hostdev",
    "VirtualSerialPort": "serial",
    "VirtualParallelPort": "parallel",
    "VirtualHdAudioCard": "sound",
    "VirtualEnsoniq1371": "sound",
    "VirtualSoundBlaster16": "sound",
    "VirtualPrecisionClock": "precision-clock",
    "VirtualWDT": "watchdog",
    "VirtualNVDIMM": "memory",
}


@dataclass(frozen=True, slots=True)
class Hardware:
    """:param words: for `VirtualMachine.devices`. :param boot_names: a device's key to its name in the boot order."""

    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    words: tuple[str, ...]
    boot_names: Mapping[int, str]


def hardware(devices: list[Node], layout: Node | None, around: Surroundings, boot: list[Node]) -> Hardware:
    """:param layout: the machine's `layoutEx`. :param boot: its boot order, as the server lists it."""
    by_key = {nodes.number(device, "key") or 0: device for device in devices}
    order = {nodes.number(entry, "deviceKey"): place for place, entry in enumerate(boot, 1)}
    sizes = _allocated(layout)
    drives = [device for device in devices if nodes.kind(device) == "VirtualDisk"]
    drives.sort(
        key=lambda device: (nodes.number(device, "controllerKey") or 0, nodes.number(device, "unitNumber") or 0)
    )
    disks = [_disk(device, by_key, sizes, around, order) for device in drives]
    cards = [device for device in devices if nodes.child(device, "macAddress") is not None]
    nics = [_nic(device, around, order) for device in cards]
    names = {nodes.number(device, "key") or 0: disk.name for device, disk in zip(drives, disks, strict=True)}
    names |= {nodes.number(device, "key") or 0: nic.mac for device, nic in zip(cards, nics, strict=True)}
    words = [word for device in devices for word in _device_words(device, names)]
    return Hardware(tuple(disks), tuple(nics), tuple(sorted(words)), names)


def boot_order(boot: Iterable[Node], names: Mapping[int, str]) -> tuple[str, ...]:
    """Names of disks, MACs of adapters, `cdrom` and `floppy`."""
    found = []
    for entry in boot:
        kind = nodes.kind(entry).removeprefix("VirtualMachineBootOptionsBootable").removesuffix("Device").lower()
        found.append(names.get(nodes.number(entry, "deviceKey") or -1, kind))
    return tuple(found)


def _disk(
    device: Node,
    by_key: Mapping[int, Node],
    sizes: Mapping[int, int],
    around: Surroundings,
    order: Mapping[int | None, int],
) -> Disk:
    key = nodes.number(device, "key") or 0
    controller = by_key.get(nodes.number(device, "controllerKey") or 0)
    bus, model = CONTROLLERS.get(nodes.kind(controller), ("", None))
    number = nodes.number(controller, "busNumber") or 0
    backing = nodes.child(device, "backing")
    mode = nodes.text(backing, "diskMode") or "persistent"
    path = nodes.text(backing, "fileName") or ""
    size = nodes.number(device, "capacityInBytes") or (nodes.number(device, "capacityInKB") or 0) << 10
    sharing = nodes.text(backing, "sharing") == "sharingMultiWriter"
    sharing = sharing or (nodes.text(controller, "sharedBus") or "noSharing") != "noSharing"
    store = nodes.text(backing, "datastore")
    return Disk(
        name=f"{bus or 'disk'}{number}:{nodes.number(device, 'unitNumber') or 0}",
        path=path,
        pool=around.datastores.get(store or "") or path.partition("]")[0].lstrip("[") or None,
        format=DiskFormat.VMDK,
        size=size,
        allocated=sizes.get(key, size),
        bus=bus,
        backing=nodes.text(backing, "parent/fileName"),
        boot_order=order.get(key),
        read_only=mode in ("nonpersistent", "independent_nonpersistent"),
        shared=sharing,
        controller=model,
        independent=mode.startswith("independent"),
        raw_mapping=nodes.kind(backing) in _RAW,
    )


def _allocated(layout: Node | None) -> dict[int, int]:
    """By the disk's key, what its files take up, those of its snapshots too."""
    sizes = {nodes.number(one, "key"): nodes.number(one, "size") or 0 for one in nodes.children(layout, "file")}
    found = {}
    for disk in nodes.children(layout, "disk"):
        keys = [nodes.number(key) for key in nodes.children(disk, "chain/fileKey")]
        found[nodes.number(disk, "key") or 0] = sum(sizes.get(key, 0) for key in keys)
    return found


def _nic(device: Node, around: Surroundings, order: Mapping[int | None, int]) -> Nic:
    backing = nodes.child(device, "backing")
    key = nodes.text(backing, "port/portgroupKey") or nodes.text(backing, "network")
    named = nodes.text(backing, "deviceName") or nodes.text(backing, "opaqueNetworkId")
    return Nic(
        mac=(nodes.text(device, "macAddress") or "").lower(),
        network=around.networks.get(key or "") or named or key or "",
        model=NICS.get(nodes.kind(device), nodes.kind(device)),
        boot_order=order.get(nodes.number(device, "key")),
    )


def _device_words(device: Node, names: Mapping[int, str]) -> Iterator[str]:
    kind = nodes.kind(device)
    if kind in _PLAIN:
        return
    label = nodes.text(device, "deviceInfo/label") or ""
    backing = nodes.child(device, "backing")
    mine = names.get(nodes.number(device, "key") or 0, "")
    connected = nodes.flag(device, "connectable/connected") or nodes.flag(device, "connectable/startConnected")
    if kind in ("VirtualCdrom", "VirtualFloppy"):
        if connected and (nodes.text(backing, "fileName") or nodes.flag(device, "connectable/connected")):
            yield "cdrom-media" if kind == "VirtualCdrom" else "floppy-media"
    elif kind == "VirtualDisk":
        yield from _disk_words(device, backing, mine)
    elif kind == "VirtualSriovEthernetCard":
        yield f"interface-hostdev {mine}"
    elif nodes.child(device, "macAddress") is not None:
        if kind not in NICS or kind == "VirtualVmxnet3Vrdma":
            yield f"interface-{kind} {mine}"
        elif nodes.flag(device, "connectable/startConnected") is False:
            yield f"interface-disconnected {mine}"
    elif kind in _WORDS:
        yield f"{_WORDS[kind]} {label}".strip() if kind != "VirtualTPM" else "tpm"
    else:
        yield f"{kind} {label}".strip()


def _disk_words(device: Node, backing: Node | None, name: str) -> Iterator[str]:
    if nodes.child(backing, "keyId") is not None:
        yield f"disk-encryption {name}"
    if nodes.text(backing, "diskMode") in ("nonpersistent", "independent_nonpersistent", "undoable", "append"):
        yield f"disk-nonpersistent {name}"
    for found in nodes.children(device, "iofilter"):
        yield f"disk-filter {name} {nodes.text(found)}"
