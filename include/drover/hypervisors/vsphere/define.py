"""Making a machine at a vCenter, and taking away what was made.

The call that makes the machine also tags it, so no killed try leaves one that nobody knows.
"""

import json
import logging
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.port import TargetSettings
from drover.hypervisors.vsphere import disks_in, inventory, lookup, nodes, tags, tasks, trial
from drover.hypervisors.vsphere.collector import retrieve
from drover.hypervisors.vsphere.keys import device_keys
from drover.hypervisors.vsphere.names import escape
from drover.hypervisors.vsphere.owned import is_ours, require_ours
from drover.hypervisors.vsphere.place import Esx, Site, survey
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.specs import disk_devices, nic_devices
from drover.hypervisors.vsphere.translate import describe
from drover.model import Firmware, Nic, Ownership, PowerState, VirtualMachine

log = logging.getLogger(__name__)
_KIND = "VirtualMachine"
# Under this key a machine's settings list the files of the disks that it was made with.
_DISKS = "drover.disks"
_LINUX = ("linux", "debian", "ubuntu", "centos", "fedora", "suse", "rhel")


def define(session: Session, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
    site = survey(session)
    wanted = describe(machine, settings, site)
    found = _found(session, machine, settings.owner)
    if found is None:
        _require_room(site, machine, wanted)
        disks_in.require_staging(machine)
        found = _create(session, machine, wanted, site, settings.owner)
    _record(session, found, wanted)
    _set_boot_order(session, found, wanted)
    tags.show(session, found, settings.owner)
    return inventory.read(session, [found._moId])[0]


def _found(session: Session, machine: VirtualMachine, owner: Ownership) -> Any:
    """What an earlier try made, None where nothing is in the way.

    :raises OperatorNeededError: the name or the UUID is taken by something else.
    """
    named = lookup.find(session, machine.name)
    with session.errors():
        same = session.content.searchIndex.FindAllByUuid(None, machine.uuid, True, False)
    for found, what in ((named, "name"), *((one, "UUID") for one in same or ())):
        if found is None:
            continue
        other = next(iter(inventory.read(session, [found._moId])), None)
        if other is not None and not is_ours(other.ownership, owner):
            raise OperatorNeededError(
                f"Machine '{other.name}' on {session.name} already has the {what} of machine '{machine.name}', "
                "and this move did not make it.",
                remedy="Find out whose it is; rename or remove it by hand if it is in the way.",
            )
    return named


def _require_room(site: Site, machine: VirtualMachine, wanted: VirtualMachine) -> None:
    """:raises OperatorNeededError: a datastore has less room than the disks take up at the source."""
    for label in {disk.pool for disk in wanted.disks}:
        pairs = zip(machine.disks, wanted.disks, strict=True)
        needed = sum(old.allocated for old, new in pairs if new.pool == label)
        free = site.datastore(label or "").pool.available
        if needed > free:
            raise OperatorNeededError(
                f"The datastore '{label}' on {site.name} is too full: {needed} bytes are needed, {free} are free.",
                remedy="Make room there, or map the storage to another datastore.",
            )


# Making


def _create(session: Session, machine: VirtualMachine, wanted: VirtualMachine, site: Site, owner: Ownership) -> Any:
    host = next(host for host in site.hosts if host.name == wanted.host)
    spec = config_spec(session, machine, wanted, site, [tags.option(owner)])
    with session.errors():
        folder, pool = placement(session, site, host)
        task = folder.CreateVM_Task(config=spec, pool=pool, host=host_object(session, host))
    return tasks.wait(session, task, f"making machine '{machine.name}'")


def host_object(session: Session, host: Esx) -> Any:
    from pyVmomi import vim

    return vim.HostSystem(host.id, session.stub)


def placement(session: Session, site: Site, host: Esx) -> tuple[Any, Any]:
    """The folder and the resource pool of a machine that comes to this host.

    :raises OperatorNeededError: the connection's folder does not exist.
    """
    from pyVmomi import vim

    pools = {
        one.id: one.text("resourcePool")
        for kind in ("ComputeResource", "ClusterComputeResource")
        for one in retrieve(session, {kind: ["resourcePool"]})
    }
    pool = vim.ResourcePool(pools.get(host.compute), session.stub)
    for one in retrieve(session, {"Datacenter": ["vmFolder"]}, [("Datacenter", host.datacenter)]):
        folder = one.text("vmFolder")
    for name in PurePosixPath(str(session.spec.extra.get("folder") or "")).parts:
        below = [one for one, place in site.around.places.items() if (place.parent, place.name) == (folder, name)]
        if not below:
            raise OperatorNeededError(
                f"There is no folder '{session.spec.extra['folder']}' for machines on {session.name}.",
                remedy="Make it in the vSphere client, or correct 'folder' in the connection.",
            )
        folder = below[0]
    return vim.Folder(folder, session.stub), pool


def config_spec(
    session: Session, machine: VirtualMachine, wanted: VirtualMachine, site: Site, options: list[Any]
) -> Any:
    """:param wanted: the machine as `describe` tells it. :param options: settings for `extraConfig`."""
    from pyVmomi import vim

    home = site.datastore(wanted.disks[0].pool or "").name if wanted.disks else next(iter(site.stores.values())).name
    return vim.vm.ConfigSpec(
        name=escape(wanted.name),
        uuid=wanted.uuid,
        version=wanted.machine_type,
        guestId=_guest_id(machine),
        annotation=machine.notes,
        numCPUs=wanted.cpu.count,
        numCoresPerSocket=wanted.cpu.cores,
        memoryMB=wanted.memory >> 20,
        firmware="efi" if wanted.firmware is Firmware.UEFI else "bios",
        bootOptions=vim.vm.BootOptions(efiSecureBootEnabled=True) if wanted.secure_boot else None,
        files=vim.vm.FileInfo(vmPathName=f"[{home}]"),
        extraConfig=[*options, *_mac_options(wanted.nics)],
        deviceChange=[*disk_devices(session, wanted.disks, site), *nic_devices(session, wanted.nics, site)],
    )


def _guest_id(machine: VirtualMachine) -> str:
    """VMware's own word where the source tells it. `guest_os` of other kinds is a name for people."""
    from pyVmomi import vim

    known = set(vim.vm.GuestOsDescriptor.GuestOsIdentifier.values)
    given = machine.guest_os or ""
    native = _native_guest(machine)
    found = next((word for word in (native, given) if word in known), None)
    if found is not None:
        return found
    if given.lower().startswith("win") or "windows" in given.lower():
        return "windows9Server64Guest"
    return "otherLinux64Guest" if any(word in given.lower() for word in _LINUX) else "otherGuest64"


def _native_guest(machine: VirtualMachine) -> str:
    if machine.hypervisor != "vsphere" or not machine.native:
        return ""
    return str(json.loads(machine.native).get("guestId", ""))


def _mac_options(nics: tuple[Nic, ...]) -> Iterator[Any]:
    """ESXi starts no machine whose fixed address is of a range that VMware deals out itself, unless it is told to."""
    from pyVmomi import vim

    for number, nic in enumerate(nics):
        if reserved(nic.mac):
            yield vim.option.OptionValue(key=f"ethernet{number}.checkMACAddress", value="FALSE")


def reserved(mac: str) -> bool:
    """00:0c:29 is ESXi's, 00:50:56 from 40 on is vCenter's."""
    parts = mac.lower().split(":")
    return parts[:3] == ["00", "0c", "29"] or (parts[:3] == ["00", "50", "56"] and int(parts[3], 16) > 0x3F)


def _set_boot_order(session: Session, found: Any, wanted: VirtualMachine) -> None:
    """It names devices by keys that they only have once they are made."""
    from pyVmomi import vim

    made = inventory.read(session, [found._moId])[0]
    if made.boot_order == wanted.boot_order or not wanted.boot_order:
        return
    keys = device_keys(session, found)
    order = [
        vim.vm.BootOptions.BootableDiskDevice(deviceKey=keys[name])
        if name in {disk.name for disk in wanted.disks}
        else vim.vm.BootOptions.BootableEthernetDevice(deviceKey=keys[name])
        for name in wanted.boot_order
    ]
    options = vim.vm.BootOptions(bootOrder=order, efiSecureBootEnabled=True if wanted.secure_boot else None)
    with session.errors():
        task = found.ReconfigVM_Task(vim.vm.ConfigSpec(bootOptions=options))
    tasks.wait(session, task, f"the boot order of machine '{wanted.name}'")


# Removing


def remove(session: Session, name: str, owner: Ownership) -> None:
    found = lookup.find(session, name)
    if found is None:
        return
    require_ours(session, inventory.read(session, [found._moId])[0], owner, "removed")
    trial.clean_up(session, name)
    machine = inventory.read(session, [found._moId])[0]
    if machine.state is not PowerState.OFF:
        raise OperatorNeededError(
            f"Machine '{name}' on {session.name} is not off, so it is not removed.", remedy="Shut it down first."
        )
    disks_in.discard(session, machine)
    _let_go(session, found, machine)
    with session.errors():
        task = found.Destroy_Task()
    tasks.wait(session, task, f"the removal of machine '{name}'")


def _record(session: Session, found: Any, wanted: VirtualMachine) -> None:
    """Writes down which files are the machine's own disks; a retry after a kill does so where that is missing."""
    from pyVmomi import vim

    if _recorded(session, found) is not None:
        return
    made = inventory.read(session, [found._moId])[0]
    if [disk.name for disk in made.disks] != [disk.name for disk in wanted.disks]:
        return  # Somebody has attached others meanwhile: which are ours is not known any more.
    with session.errors():
        paths = [_chain(one)[0] for one in _disk_devices(found)]
        option = vim.option.OptionValue(key=_DISKS, value=json.dumps(paths))
        task = found.ReconfigVM_Task(vim.vm.ConfigSpec(extraConfig=[option]))
    tasks.wait(session, task, f"writing down the disks of machine '{wanted.name}'")


def _recorded(session: Session, found: Any) -> list[str] | None:
    for one in retrieve(session, {_KIND: ["config.extraConfig"]}, [(_KIND, found._moId)]):
        for option in nodes.listed(one.node("config.extraConfig")):
            if nodes.text(option, "key") == _DISKS:
                paths: list[str] = json.loads(nodes.text(option, "value") or "[]")
                return paths
    return None


def _let_go(session: Session, found: Any, machine: VirtualMachine) -> None:
    """Detaches every disk that `define` did not make: it would be removed with the machine.

    Where a killed try has not written down what it made, only what lies in the machine's own folder counts as that.
    """
    from pyVmomi import vim

    home = ""
    for one in retrieve(session, {_KIND: ["config.files"]}, [(_KIND, found._moId)]):
        home = _folder(nodes.text(one.node("config.files"), "vmPathName") or "")
    recorded = _recorded(session, found)

    def ours(device: Any) -> bool:
        chain = _chain(device)
        return any(path in recorded for path in chain) if recorded is not None else _folder(chain[-1]) == home

    with session.errors():
        strange = [one for one in _disk_devices(found) if not ours(one)]
        if not strange:
            return
        changes = [vim.vm.device.VirtualDeviceSpec(operation="remove", device=one) for one in strange]
        task = found.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=changes))
    files = ", ".join(_chain(one)[0] for one in strange)
    log.warning("Machine '%s' is removed without %s, which Drover did not make; they stay.", machine.name, files)
    tasks.wait(session, task, f"letting go of foreign disks of machine '{machine.name}'")


def _disk_devices(found: Any) -> list[Any]:
    from pyVmomi import vim

    return [one for one in found.config.hardware.device if isinstance(one, vim.vm.device.VirtualDisk)]


def _chain(device: Any) -> list[str]:
    """The disk's file, then those that it lies upon."""
    paths, backing = [], device.backing
    while backing is not None:
        paths.append(getattr(backing, "fileName", None) or "")
        backing = getattr(backing, "parent", None)
    return paths


def _folder(path: str) -> str:
    """`[datastore1] web` of `[datastore1] web/web.vmdk`. The datastore belongs to it: of one name there may be more."""
    return path.rpartition("/")[0]
