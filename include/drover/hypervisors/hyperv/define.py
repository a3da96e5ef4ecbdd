"""Making a machine at a host, and taking away what was made.

No cmdlet makes a machine and tags it at once. So it has a working name that only this move can give, until it is whole
and tagged; then it gets its own. What a killed try left under the working name is removed by the next one.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv import inventory, scripts, tags
from drover.hypervisors.hyperv.owned import is_ours, require_off, require_ours
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.hyperv.translate import (
    Offer,
    all_slots,
    describe,
    folder_of,
    generation,
    native,
    survey,
    template,
)
from drover.hypervisors.port import TargetSettings
from drover.model import Firmware, Ownership, VirtualMachine

# Seconds. The bytes of a fixed disk are written with zeros when it is made.
_MAKING = 4 * 3600.0
_STARTED = 4096


def define(session: Session, machine: VirtualMachine, settings: TargetSettings) -> VirtualMachine:
    offer = survey(session)
    wanted = describe(machine, settings, offer)
    found = _found(session, machine, settings.owner)
    if found is None:
        require_room(offer, wanted)
        machine_id = _create(session, machine, wanted, offer, settings.owner)
        _identify(session, machine_id, wanted)
        scripts.run(session, "rename", id=machine_id, name=wanted.name)
        found = inventory.read(session, [machine_id])[0]
    return found


def _found(session: Session, machine: VirtualMachine, owner: Ownership) -> VirtualMachine | None:
    """What an earlier try made, None where nothing is in the way.

    :raises OperatorNeededError: the name or the UUID is taken by something else.
    """
    ours = None
    working = working_name(owner)
    for other in inventory.machines(session):
        named = other.name == machine.name
        same = other.uuid == machine.uuid and other.name != working
        if not named and not same:
            continue
        if not is_ours(other.ownership, owner):
            raise OperatorNeededError(
                f"Machine '{other.name}' on {session.target.host} already has the {'name' if named else 'UUID'} of "
                f"machine '{machine.name}', and this move did not make it.",
                remedy="Find out whose it is; rename or remove it by hand if it is in the way.",
            )
        inventory.require_whole(session, other)
        ours = other
    return ours


def require_room(offer: Offer, wanted: VirtualMachine) -> None:
    """:raises OperatorNeededError: a volume has less room than the disks, which take up all of theirs at once."""
    for name in sorted({disk.pool or "" for disk in wanted.disks}):
        needed = sum(disk.size for disk in wanted.disks if disk.pool == name)
        free = offer.pool(name).available
        if needed > free:
            raise OperatorNeededError(
                f"The storage '{name}' on {offer.name} is too full: {needed} bytes are needed, {free} are free.",
                remedy="Make room there, or map the storage to another volume.",
            )


def working_name(owner: Ownership) -> str:
    whose = json.dumps([owner.wave, owner.machine, owner.source_uuid])
    return f"drover-new-{hashlib.sha256(whose.encode()).hexdigest()[:16]}"


# Making


def _create(session: Session, machine: VirtualMachine, wanted: VirtualMachine, offer: Offer, owner: Ownership) -> str:
    folders = [str(PureWindowsPath(disk.path).parent) for disk in wanted.disks]
    home = folders[0] if folders else str(folder_of(machine, next(iter(offer.pools.values()))))
    own = native(machine)
    parameters = {
        "workingName": working_name(owner),
        "folder": home,
        "folders": sorted({home, *folders}),
        "generation": generation(machine),
        "version": wanted.machine_type,
        "memory": wanted.memory,
        "dynamic": _dynamic(machine),
        "processors": wanted.cpu.count,
        "compatibility": bool(own.get("processorCompatibility", False)),
        "notes": tags.written(tags.without(str(own.get("notes", ""))), owner),
        "controllers": _scsi_controllers(wanted),
        "disks": [_disk(disk.name, disk.path, disk.size) for disk in wanted.disks],
        "adapters": [
            {
                "name": f"Network Adapter {place}",
                "switch": nic.network,
                "mac": plain(nic.mac),
                "legacy": nic.model == "hyperv-legacy",
                "vlan": vlan,
            }
            for place, (nic, vlan) in enumerate(zip(wanted.nics, _vlans(machine), strict=True), 1)
        ],
        "template": template(machine),
        "boot": _boot(wanted),
        "settings": _settings(own),
        "services": [
            {"kind": str(one["id"]).rpartition("\\")[2].upper(), "enabled": bool(one["enabled"])}
            for one in own.get("services", ())
        ],
    }
    return str(scripts.run(session, "define", deadline=_MAKING, **parameters)[-1])


def plain(mac: str) -> str:
    """As Hyper-V writes it."""
    return mac.replace(":", "").upper()


def _dynamic(machine: VirtualMachine) -> dict[str, int] | None:
    """Memory that the host takes and gives, where the source was a host that does so."""
    own = native(machine)
    if not own.get("memoryDynamic"):
        return None
    return {"minimum": int(own["memoryMinimum"]), "maximum": int(own["memoryMaximum"])}


def _settings(own: Mapping[str, Any]) -> dict[str, object] | None:
    """When it starts after its host does, how it ends with it, which checkpoints it takes, as another host had it."""
    if not own:
        return None
    kind = str(own["checkpointType"])
    return {
        "startDelay": int(own.get("startDelay") or 0),
        "stopAction": str(own["stopAction"]),
        # A trial needs one.
        "checkpointType": "Production" if kind == "Disabled" else kind,
    }


def _scsi_controllers(wanted: VirtualMachine) -> list[int]:
    """1 to the number of SCSI controllers: the script adds what is missing, one by one."""
    numbers = [int(disk.name.partition(" ")[2].partition(":")[0]) for disk in wanted.disks if disk.bus == "scsi"]
    return list(range(1, max(numbers, default=-1) + 2))


def _disk(name: str, path: str, size: int) -> dict[str, object]:
    controller, _, place = name.partition(" ")
    number, _, location = place.partition(":")
    return {"path": path, "size": size, "controller": controller, "number": int(number), "location": int(location)}


def _vlans(machine: VirtualMachine) -> list[int]:
    """One VLAN of access each, 0 for none; only another Hyper-V host tells of them."""
    own = native(machine).get("adapters")
    if own is None:
        return [0] * len(machine.nics)
    return [int(one["vlan"]) if one["vlanMode"] == "Access" else 0 for one in own]


def _boot(wanted: VirtualMachine) -> list[str]:
    """Paths of disks and plain MACs, as the host knows them."""
    if wanted.firmware is not Firmware.UEFI:
        return []
    paths = {disk.name: disk.path for disk in wanted.disks}
    return [paths.get(name) or plain(name) for name in wanted.boot_order]


def _identify(session: Session, machine_id: str, wanted: VirtualMachine) -> None:
    done = scripts.run_one(session, "identity", id=machine_id, uuid=wanted.uuid)
    if done not in (0, _STARTED):
        raise OperatorNeededError(
            f"{session.target.host} does not give machine '{wanted.name}' the UUID {wanted.uuid} (it says {done}).",
            remedy="See the event log of Hyper-V-VMMS there.",
        )


# Removing


def remove(session: Session, name: str, owner: Ownership) -> None:
    working = working_name(owner)
    found = inventory.find(session, name) or inventory.find(session, working)
    if found is None:
        return
    require_ours(session, found, owner, "removed")
    require_off(session, found, "removed")
    disks = [*_own_disks(found, owner), *(_begun(found, owner) if found.name == working else ())]
    _remove(session, found.id or "", list(dict.fromkeys(disks)))


def _own_disks(machine: VirtualMachine, owner: Ownership) -> Sequence[str]:
    """Disks that lie where `define` puts them; others were attached by somebody since.

    The source's UUID says where: a machine that was never finished has another one itself.
    """
    paths = [PureWindowsPath(disk.path) for disk in machine.disks]
    return [str(path) for path in paths if _is_ours(path.parent, owner)]


def _is_ours(folder: PureWindowsPath, owner: Ownership) -> bool:
    return folder.name.startswith("drover-") and folder.name.endswith(f"-{owner.source_uuid[:8]}")


def _begun(machine: VirtualMachine, owner: Ownership) -> Sequence[str]:
    """Where a disk may lie whose making was killed, so that no machine has it.

    It is ours: `define` looked for files in its way before it made the machine.
    """
    home = PureWindowsPath(str(native(machine).get("folder", ""))).parent
    return [str(home / slot.file) for slot in all_slots()] if _is_ours(home, owner) else []


def _remove(session: Session, machine_id: str, disks: Sequence[str]) -> None:
    scripts.run(session, "remove", id=machine_id, disks=list(disks))
