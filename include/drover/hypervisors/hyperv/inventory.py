"""The machines of a host, some in each answer: how many there are decides how long one would take.

One that cannot be read is among `machines` all the same, told as far as it can be, with a word that blocks its own
move. Whoever asks for it by itself is told why.
"""

import json
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.border import one_line
from drover.hypervisors.hyperv import scripts, tags
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.hyperv.site import pool_name, pool_of
from drover.hypervisors.hyperv.words import Answer, colons, place, words
from drover.model import Cpu, Disk, DiskFormat, Firmware, Nic, PowerState, VirtualMachine

_STATES = {"Running": PowerState.RUNNING, "Off": PowerState.OFF, "Paused": PowerState.PAUSED}
_FORMATS = {"VHD": DiskFormat.VHD, "VHDX": DiskFormat.VHDX, "VHDSet": DiskFormat.VHDX}
_STARTING = ("Start", "StartIfRunning")
# What Windows calls VER_NT_DOMAIN_CONTROLLER.
_DOMAIN_CONTROLLER = "2"
# The integration service for shutting down. Its name is in the host's language; this is not.
SHUTDOWN = "9f8233ac-be49-4c79-8ee3-e7e1985b2077"


# So many are surely told of before the script's time is over, each by a dozen cmdlets.
BATCH = 25


def machines(session: Session) -> list[VirtualMachine]:
    """Every machine of the host, ordered by name. One that cannot be read has no disks and adapters."""
    found = _read(session, [str(one["id"]) for one in scripts.run(session, "machines")])
    return sorted(found, key=lambda machine: machine.name)


def read(session: Session, ids: Sequence[str]) -> list[VirtualMachine]:
    """The machines with these ids, in no order. :raises OperatorNeededError: one of them cannot be read."""
    found = _read(session, ids)
    for one in found:
        require_whole(session, one)
    return found


def require_whole(session: Session, machine: VirtualMachine) -> None:
    """:raises OperatorNeededError: this machine could not be read when the host was asked for it."""
    problem = json.loads(machine.native).get("problem")
    if problem:
        raise OperatorNeededError(
            f"Machine '{machine.name}' on {session.target.host} cannot be read: {one_line(problem).rstrip('.')}.",
            remedy="Hyper-V Manager shows what is wrong with it; correct that there.",
        )


def _read(session: Session, ids: Sequence[str]) -> list[VirtualMachine]:
    found = answers(session, ids)
    if not found:
        return []
    volumes = [pool_name(one["path"]) for one in scripts.run(session, "volumes")]
    return [machine_of(answer, volumes) for answer in found]


def answers(session: Session, ids: Sequence[str]) -> list[Answer]:
    """What the host says of the machines with these ids; one that is gone is not there."""
    parts = [list(ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)]
    return [answer for part in parts for answer in scripts.run(session, "inventory", ids=part)]


def find(session: Session, name: str) -> VirtualMachine | None:
    """:raises BadInputError: more than one machine has that name; Hyper-V lets them."""
    machine_id = find_id(session, name)
    return next(iter(read(session, [machine_id])), None) if machine_id is not None else None


def machine(session: Session, name: str) -> VirtualMachine:
    """:raises BadInputError: no machine has that name, or more than one has."""
    found = find(session, name)
    if found is None:
        raise _missing(session, name)
    return found


def find_id(session: Session, name: str) -> str | None:
    """Scripts are told ids: a name may hold what Hyper-V takes for a pattern.

    :raises BadInputError: more than one machine has that name.
    """
    found = [str(one["id"]) for one in scripts.run(session, "machines") if one["name"] == name]
    if len(found) > 1:
        raise BadInputError(
            f"{session.target.host} has {len(found)} machines named '{name}' ({', '.join(sorted(found))}).",
            remedy="Rename all but one of them.",
        )
    return found[0] if found else None


def id_of(session: Session, name: str) -> str:
    """:raises BadInputError: no machine has that name, or more than one has."""
    found = find_id(session, name)
    if found is None:
        raise _missing(session, name)
    return found


def _missing(session: Session, name: str) -> BadInputError:
    return BadInputError(
        f"There is no machine named '{name}' on {session.target.host}.",
        remedy="Correct the name; Hyper-V Manager shows which there are.",
    )


def answer_of(session: Session, name: str) -> Answer:
    """What the host itself says of the machine."""
    found: Answer = json.loads(machine(session, name).native)
    return found


def machine_of(answer: Answer, volumes: Sequence[str]) -> VirtualMachine:
    """:param answer: one of the script `inventory`. :param volumes: the names of the host's pools."""
    if answer.get("problem"):
        return _unreadable(answer)
    disks = tuple(_disk(one, volumes) for one in sorted(answer["disks"], key=place))
    nics = tuple(_nic(one) for one in answer["adapters"])
    order = tuple(_boot_order(answer, disks))
    return VirtualMachine(
        name=answer["name"],
        uuid=(answer["biosGuid"].strip("{}") or answer["id"]).lower(),
        hypervisor="hyperv",
        host=answer["host"],
        state=_STATES.get(answer["state"], PowerState.OTHER),
        cpu=Cpu(count=answer["processors"], sockets=1, cores=answer["processors"]),
        memory=int(answer["memory"]),
        firmware=Firmware.UEFI if answer["generation"] == 2 else Firmware.BIOS,
        disks=disks,
        nics=nics,
        autostart=answer["startAction"] in _STARTING,
        secure_boot=answer["secureBoot"] == "On",
        snapshots=tuple(one["name"] for one in answer["snapshots"]),
        boot_order=order,
        machine_type=answer["version"],
        devices=tuple(words(answer, disks)),
        ownership=tags.read(answer["notes"]),
        native=json.dumps(answer, separators=(",", ":"), sort_keys=True),
        guest_os=_told(answer["system"], "OSName"),
        guest_tools=_tools(answer),
        id=answer["id"],
        notes=tags.without(answer["notes"]).strip() or None,
        domain_controller=_domain_controller(answer["system"]),
    )


def _unreadable(answer: Answer) -> VirtualMachine:
    """What is known of it all the same is what keeps others from its name, its UUID and its place."""
    return VirtualMachine(
        name=answer["name"],
        uuid=answer["biosGuid"].strip("{}").lower(),
        hypervisor="hyperv",
        host=answer["host"],
        state=_STATES.get(answer["state"], PowerState.OTHER),
        cpu=Cpu(count=answer["processors"], sockets=1, cores=answer["processors"]),
        memory=int(answer["memory"]),
        firmware=Firmware.UEFI if answer["generation"] == 2 else Firmware.BIOS,
        disks=(),
        nics=(),
        autostart=answer["startAction"] in _STARTING,
        devices=(f"machine-unreadable {one_line(answer['problem'])}",),
        ownership=tags.read(answer["notes"]),
        native=json.dumps(answer, separators=(",", ":"), sort_keys=True),
        id=answer["id"],
        notes=tags.without(answer["notes"]).strip() or None,
    )


def _disk(answer: Answer, volumes: Sequence[str]) -> Disk:
    ide = answer["controller"] == "IDE"
    suffix = answer["path"].lower().rpartition(".")[2]
    guessed = DiskFormat.VHD if suffix in ("vhd", "avhd") else DiskFormat.VHDX
    return Disk(
        name=f"{answer['controller']} {answer['number']}:{answer['location']}",
        path=answer["path"],
        pool=pool_of(answer["path"], volumes),
        format=_FORMATS.get(answer["format"], guessed),
        size=int(answer["size"] or 0),
        allocated=int(answer["allocated"] or 0),
        bus="ide" if ide else "scsi",
        backing=answer["parent"] or None,
        shared=bool(answer["shared"]) or answer["format"] == "VHDSet",
        controller="hyperv-ide" if ide else "hyperv-scsi",
        raw_mapping=answer["passThrough"],
    )


def _nic(answer: Answer) -> Nic:
    first, *more = [one for one in answer["addresses"] if one] or [None]
    return Nic(
        mac=colons(answer["mac"]),
        network=answer["switch"],
        model="hyperv-legacy" if answer["legacy"] else "hyperv",
        address=first,
        more_addresses=tuple(more),
    )


def _boot_order(answer: Answer, disks: Sequence[Disk]) -> Iterator[str]:
    names = {disk.path.lower(): disk.name for disk in disks}
    for entry in answer["boot"]:
        if entry["type"] == "Drive" and entry["path"].lower() in names:
            yield names[entry["path"].lower()]
        elif entry["type"] == "Network" and entry["mac"]:
            yield colons(entry["mac"])
        elif entry["type"] == "IDE":
            yield from (disk.name for disk in disks[:1] if disk.bus == "ide")
        elif entry["type"] == "LegacyNetworkAdapter":
            yield from [colons(one["mac"]) for one in answer["adapters"] if one["legacy"]][:1]


def _domain_controller(items: Sequence[str]) -> bool | None:
    """Windows tells what kind of product it is, and a domain controller is one."""
    kind = _told(items, "ProductType")
    return kind == _DOMAIN_CONTROLLER if kind is not None else None


def _told(items: Sequence[str], name: str) -> str | None:
    """What the guest tells of itself. Each item is XML that the host wrote, with the guest's words in it."""
    for item in items:
        try:
            found = {one.get("NAME"): one.findtext("VALUE") for one in ElementTree.fromstring(item)}
        except ElementTree.ParseError:
            continue
        if found.get("Name") == name and found.get("Data"):
            return found["Data"]
    return None


def _tools(answer: Answer) -> str | None:
    """Whether the guest hears a request to shut down."""
    service = next((one for one in answer["services"] if one["id"].lower().endswith(SHUTDOWN)), None)
    if service is None or service["enabled"] is None or answer["state"] != "Running":
        return None
    if not service["enabled"]:
        return "not running"
    return "running" if service["status"] == "Ok" else "not running"
