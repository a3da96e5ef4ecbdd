"""The lab's machines on a Hyper-V host: made over WinRM, as any client would."""

from collections.abc import Sequence
from pathlib import Path

from drover.errors import RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv import scripts
from drover.hypervisors.hyperv.define import plain
from drover.hypervisors.hyperv.session import Session
from drover.model import Firmware
from drover_lab.definitions import machine_uuid
from drover_lab.guests import Guest
from drover_lab.hyperv import lab_host
from drover_lab.process import run
from drover_lab.topology import LabHost, Topology

_FOLDER = "D:\\Hyper-V"
_DISKS = f"{_FOLDER}\\Virtual Hard Disks"


def states(lab: Topology, where: LabHost) -> dict[str, str]:
    """Machine name -> `running`, `paused`, `off` or `other`."""
    return {machine["name"]: machine["state"] for machine in _machines(lab, where)}


def autostarts(lab: Topology, where: LabHost) -> set[str]:
    """Names of the machines that start with their host."""
    return {machine["name"] for machine in _machines(lab, where) if machine["starts"]}


def remove(lab: Topology, where: LabHost, names: Sequence[str]) -> None:
    """Ends machines and removes them with all their files; no matter if there are none."""
    lab_host.ask(lab, where, "remove", names=list(names))


def clear(lab: Topology, where: LabHost) -> None:
    """Removes every machine, also those that others made, and every file from the drives."""
    lab_host.ask(lab, where, "empty")


def create(lab: Topology, where: LabHost, guest: Guest, pristine: dict[str, Path]) -> None:
    """Makes a machine of pristine raw images and starts it; it starts with its host from now on."""
    first = guest.spec.firmware is Firmware.BIOS
    controller = "IDE" if first else "SCSI"
    disks = [
        {"path": _path(guest, place), "size": disk.size, "controller": controller, "number": 0, "location": place}
        for place, disk in enumerate(guest.spec.disks)
    ]
    adapter = {"name": "Network Adapter", "switch": "production", "mac": plain(guest.mac), "legacy": False, "vlan": 0}
    with _session(lab, where) as session:
        (identity,) = scripts.run(
            session,
            "define",
            workingName=guest.name,
            folder=_FOLDER,
            folders=[_DISKS],
            generation=1 if first else 2,
            version=None,
            memory=guest.spec.memory,
            dynamic=None,
            processors=1,
            compatibility=False,
            notes=f"Drover lab machine {guest.name}",
            controllers=[1],
            disks=disks,
            adapters=[adapter],
            template="",
            boot=[] if first else [disks[0]["path"]],
            settings=None,
            services=[],
        )
        for place, disk in enumerate(guest.spec.disks):
            _fill(image(lab, where, guest, place), pristine[disk.name])
        scripts.run(session, "identity", id=identity, uuid=str(machine_uuid(guest.name, lab.state.name)))
        scripts.run(session, "autostart", id=identity, enabled=True)
        scripts.run(session, "power-on", id=identity)


def start(lab: Topology, where: LabHost, name: str) -> None:
    with _session(lab, where) as session:
        for known in scripts.run(session, "machines"):
            if known["name"] == name:
                scripts.run(session, "power-on", id=known["id"])


def image(lab: Topology, where: LabHost, guest: Guest, place: int) -> Path:
    """The file of a disk that the machine was made with, from outside."""
    drive, _, rest = _path(guest, place).partition(":\\")
    return lab_host.drives(lab, where) / drive / rest.replace("\\", "/")


def _path(guest: Guest, place: int) -> str:
    return f"{_DISKS}\\{guest.name}{f'-{place}' if place else ''}.vhdx"


def _fill(target: Path, source: Path) -> None:
    """Dynamic disks, as Hyper-V Manager makes them when nobody says otherwise."""
    draft = target.with_suffix(".draft")
    run(["qemu-img", "convert", "-f", "raw", "-O", "vhdx", "-o", "subformat=dynamic", str(source), str(draft)])
    draft.replace(target)


def _session(lab: Topology, where: LabHost) -> Session:
    known = lab_host.connection(lab, where)
    return Session(
        ConnectionSpec(
            id=known["id"],
            kind=known["conn_type"],
            host=known["host"],
            login=known["login"],
            password=known["password"],
            port=known["port"],
            extra=known["extra"],
        )
    )


def _machines(lab: Topology, where: LabHost) -> list[dict[str, str]]:
    try:
        found: list[dict[str, str]] = lab_host.ask(lab, where, "machines")["machines"]
    except OSError as error:
        raise RetryableError(f"The host {where.name} does not answer: {error}.", remedy="Run 'lab up' again.") from None
    return found
