"""Machines of a vCenter, each with something wrong, made as any client makes them."""

from collections.abc import Callable
from typing import Any

from drover_lab.lab import Lab
from drover_lab.vcenter import machines

Spec = Callable[[], dict[str, Any]]


def _device(kind: str, **values: Any) -> Any:
    from pyVmomi import vim

    return vim.vm.device.VirtualDeviceSpec(operation="add", device=getattr(vim.vm.device, kind)(**values))


def _disk(mode: str = "persistent", **values: Any) -> Any:
    from pyVmomi import vim

    flat = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(diskMode=mode, fileName="")
    place = {"key": 2000, "controllerKey": 1000, "unitNumber": 0, "capacityInKB": 1 << 16}
    spec = _device("VirtualDisk", **place, backing=flat, **values)
    spec.fileOperation = "create"
    return spec


def _drive(mode: str = "persistent", **values: Any) -> list[Any]:
    return [_device("ParaVirtualSCSIController", key=1000, busNumber=0, sharedBus="noSharing"), _disk(mode, **values)]


def _card(**connectable: bool) -> Any:
    from pyVmomi import vim

    wanted = {"startConnected": True, "allowGuestControl": True, "connected": False} | connectable
    backing = vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName="VM Network")
    kind = vim.vm.device.VirtualDevice.ConnectInfo(**wanted)
    return _device("VirtualVmxnet3", key=4000, addressType="generated", backing=backing, connectable=kind)


def _option(key: str, value: str) -> dict[str, Any]:
    from pyVmomi import vim

    return {"extraConfig": [vim.option.OptionValue(key=key, value=value)]}


def _serial() -> Any:
    from pyVmomi import vim

    backing = vim.vm.device.VirtualSerialPort.URIBackingInfo(serviceURI="tcp://x:1", direction="server")
    return _device("VirtualSerialPort", key=9000, backing=backing, yieldOnPoll=True)


def _affinity() -> dict[str, Any]:
    from pyVmomi import vim

    return {"cpuAffinity": vim.vm.AffinityInfo(affinitySet=[0])}


def _share() -> dict[str, Any]:
    from pyVmomi import vim

    normal = vim.SharesInfo(level="normal", shares=2000)
    return {"cpuAllocation": vim.ResourceAllocationInfo(reservation=0, limit=500, shares=normal)}


def _with(*devices: Any) -> dict[str, Any]:
    return {"deviceChange": [*_drive(), *devices]}


# What is wrong, and what is found of it on its way to a KVM host.
COLD: dict[str, tuple[Spec, set[str]]] = {
    "vc fine": (lambda: _with(_card()), {"machine.changed_blocks"}),
    "vc twins": (lambda: _option("drover.ft", "running"), {"machine.fault_tolerant"}),
    "vc mould": (dict, {"machine.template"}),
    "vc share": (_share, {"machine.resources"}),
    "vc pinned": (_affinity, {"cpu.pinning"}),
    "vc growing": (lambda: {"cpuHotAddEnabled": True}, {"machine.hotplug"}),
    "vc left out": (lambda: {"deviceChange": _drive("independent_persistent")}, {"disk.independent"}),
    "vc forgetful": (lambda: {"deviceChange": _drive("independent_nonpersistent")}, {"disk.nonpersistent"}),
    "vc unplugged": (lambda: _with(_card(startConnected=False)), {"nic.disconnected"}),
    "vc port": (lambda: _with(_serial()), {"device.ports"}),
    "vc clock": (lambda: _with(_device("VirtualPrecisionClock", key=12500)), {"device.minor"}),
    "vc netware": (lambda: {"guestId": "netware6Guest"}, {"guest.system"}),
    "vc noted": (lambda: {"annotation": "Ask Ann."}, {"translation.notes"}),
    "vc ruled": (dict, {"cluster.rules"}),
    "vc ruled too": (dict, {"cluster.rules"}),
    "vc scattered": (lambda: _with(), {"machine.consolidation"}),
    "vc efi": (lambda: {"firmware": "efi", **_with()}, {"translation.boot_entries"}),
    "vc cached": (lambda: {"deviceChange": _drive(iofilter=["cache"])}, {"disk.filter"}),
    "vc namesake": (dict, {"machine.ambiguous"}),
}
# To a KVM host too, and these run.
AWAKE: dict[str, tuple[Spec, set[str]]] = {"vc deaf": (lambda: _option("drover.tools", "none"), {"guest.tools"})}
# On their way to another vCenter, as they run.
LIVE: dict[str, tuple[Spec, set[str]]] = {
    "vc unlike": (lambda: _option("drover.cpu", "incompatible"), {"live.refused"}),
    "vc newer": (lambda: {"version": "vmx-99"}, {"host.machine_type"}),
    "vc silent": (lambda: _option("drover.heartbeat", "lost"), {"live.warned"}),
}


def plant(lab: Lab) -> None:
    where = lab.topology.host("vc-a")
    machines.clear(lab.topology, where)
    with machines.session(lab.topology, where) as instance:
        center = instance.content.rootFolder.childEntity[0]
        cluster = center.hostFolder.childEntity[0]
        made = {
            name: _make(center.vmFolder, cluster, name, spec()) for name, (spec, _) in (COLD | AWAKE | LIVE).items()
        }
        folder = center.vmFolder.CreateFolder("elsewhere")
        _make(folder, cluster, "vc namesake", {})
        made["vc mould"].MarkAsTemplate()
        _rule(cluster, made["vc ruled"], made["vc ruled too"])
        _scatter(lab, made["vc scattered"])
        for name in AWAKE | LIVE:
            machines._wait(made[name].PowerOnVM_Task())


def _make(folder: Any, cluster: Any, name: str, config: dict[str, Any]) -> Any:
    from pyVmomi import vim

    values = {
        "name": name,
        "memoryMB": 32,
        "numCPUs": 1,
        "guestId": "debian12_64Guest",
        "files": vim.vm.FileInfo(vmPathName="[datastore1]"),
    }
    task = folder.CreateVM_Task(vim.vm.ConfigSpec(**values | config), cluster.resourcePool, cluster.host[0])
    return machines._wait(task)


def _rule(cluster: Any, *of: Any) -> None:
    from pyVmomi import vim

    apart = vim.cluster.AntiAffinityRuleSpec(name="apart", enabled=True, vm=list(of))
    spec = vim.cluster.ConfigSpecEx(rulesSpec=[vim.cluster.RuleSpec(operation="add", info=apart)])
    machines._wait(cluster.ReconfigureComputeResource_Task(spec, True))


def _scatter(lab: Lab, machine: Any) -> None:
    """A snapshot whose files stay when it is removed."""
    machines._wait(machine.CreateSnapshot_Task("before", "", False, False))
    lab.ask_vcenter("vc-a", "faults", faults={"keep_files": 1})
    machines._wait(machine.snapshot.rootSnapshotList[0].snapshot.RemoveSnapshot_Task(removeChildren=False))
    lab.ask_vcenter("vc-a", "faults", faults={})
