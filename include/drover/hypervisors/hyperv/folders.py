"""Machines out to folders of their host and in from them, in Hyper-V's own format: Export-VM and Import-VM.

The folder is the host's. It keeps what only Hyper-V knows of a machine, so it is for other Hyper-V hosts; for everybody
else there is OVF (`drover.ovf`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PureWindowsPath

from drover.errors import BadInputError, OperatorNeededError
from drover.evidence.files import safe_name
from drover.hypervisors.hyperv import inventory, scripts, site
from drover.hypervisors.hyperv.errors import ScriptError
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.port import Hypervisor
from drover.model import VirtualMachine

# Seconds. Hyper-V copies every disk, and then each file is read once more.
_COPYING = 8 * 3600.0
# What Windows takes for a pattern, or in no name at all.
_NEVER = '*?[]<>"|/'


@dataclass(frozen=True, slots=True)
class ExportedFolder:
    """:param path: at the host. :param files: path below it to SHA-256. :param bytes: of all of them."""

    path: str
    files: Mapping[str, str]
    bytes: int


def is_folder_of_host(text: str) -> bool:
    """Whether this names a folder on a drive of a Windows host, as in `D:\\Exports\\web`."""
    path = PureWindowsPath(text)
    return bool(path.drive and path.root and len(path.drive) == 2)


def session_for(hypervisor: Hypervisor, text: str) -> Session | None:
    """The Hyper-V host that this folder is one of; None where it is a path of this machine.

    :raises BadInputError: the connection leads to no Windows host.
    """
    from drover.hypervisors.hyperv.hypervisor import HypervHypervisor

    if not is_folder_of_host(text):
        return None
    if not isinstance(hypervisor, HypervHypervisor):
        raise BadInputError(
            f"'{text}' is a folder of a Windows host, and the connection leads to {hypervisor.kind}.",
            remedy="Name a folder of this machine.",
        )
    return hypervisor.session


def export_to(session: Session, name: str, folder: str) -> ExportedFolder:
    """Exports the machine into this folder, which is made; one that runs, as its disks are at one moment.

    Killed and tried again, it begins anew: what is not whole has another name.

    :raises BadInputError: no such machine or folder. :raises OperatorNeededError: Hyper-V refuses; says why.
    """
    target = _checked(folder)
    machine_id = inventory.id_of(session, name)
    work = target.parent / f".drover-{machine_id[:8]}-{hashlib.sha256(str(target).lower().encode()).hexdigest()[:8]}"
    answer = scripts.run(session, "export", deadline=_COPYING, id=machine_id, target=str(target), work=str(work))
    files = {str(PureWindowsPath(one["path"]).relative_to(target)): one["sha256"].lower() for one in answer}
    if not files:
        raise OperatorNeededError(
            f"Hyper-V on {session.target.host} exported nothing to {target}.",
            remedy="See its event log (Hyper-V-VMMS).",
        )
    return ExportedFolder(str(target), files, sum(int(one["size"]) for one in answer))


def import_from(
    session: Session,
    folder: str,
    *,
    name: str | None = None,
    switch: str | None = None,
    new_id: bool = False,
    pool: str | None = None,
) -> VirtualMachine:
    """Makes a machine of what Hyper-V exported to this folder, off; the export stays as it is.

    Killed and tried again, it finds the machine that it made before.

    :param name: None: the exported one's. :param switch: for adapters whose own is not there.
    :param pool: where its files go; None: the host's default.
    :param new_id: it becomes another machine than the exported one, as a copy beside it has to be.
    :raises OperatorNeededError: there is a machine of that name, or Hyper-V refuses; says why.
    """
    source = _checked(folder)
    place = _place(session, pool) / f"drover-{safe_name(name or source.name)}"
    try:
        answer = scripts.run(
            session, "import", deadline=_COPYING,
            source=str(source), folder=str(place), name=name, switch=switch, newId=new_id,
            mark=_mark(source, place, name),
        )[-1]  # fmt: skip
    except ScriptError as error:
        raise OperatorNeededError(
            f"{source} cannot be imported on {session.target.host}: {error.message}",
            remedy="Correct that there; beside the exported machine, import it by another name and with a new id.",
        ) from error
    if answer["against"]:
        said = " ".join(" ".join(one["message"].split()) for one in answer["against"])
        raise OperatorNeededError(
            f"{source} cannot be imported on {session.target.host}: {said}",
            remedy="Name a virtual switch for it that is there, or correct what Hyper-V says.",
        )
    return inventory.read(session, [answer["id"]])[0]


def _mark(source: PureWindowsPath, place: PureWindowsPath, name: str | None) -> str:
    """What the machine's notes end with while this import is under way."""
    whose = json.dumps([str(source).lower(), str(place).lower(), name])
    return f"\ndrover-import-{hashlib.sha256(whose.encode()).hexdigest()[:16]}"


def _checked(folder: str) -> PureWindowsPath:
    path = PureWindowsPath(folder)
    bad = [letter for letter in folder if letter in _NEVER or not letter.isprintable()]
    if not is_folder_of_host(folder) or bad or ".." in path.parts or len(path.parts) < 2:
        raise BadInputError(
            f"'{folder}' is no folder of a Windows host.", remedy="Write it as 'D:\\Exports\\web', without wildcards."
        )
    return path


def _place(session: Session, pool: str | None) -> PureWindowsPath:
    if pool is None:
        return PureWindowsPath(str(scripts.run_one(session, "host")["diskFolder"]))
    found = next((one for one in site.pools(session) if one.name == pool), None)
    if found is None or found.path is None:
        raise BadInputError(
            f"The storage '{pool}' does not exist on {session.target.host}.", remedy="Name one of its volumes, as 'D:'."
        )
    return PureWindowsPath(found.path)


def one_switch(networks: Mapping[str, str]) -> str | None:
    """The one virtual switch that is named. :raises BadInputError: there are several; Import-VM takes one."""
    found = sorted(set(networks.values()))
    if len(found) > 1:
        raise BadInputError(
            f"Adapters whose own switch is not there get one and the same, and {len(found)} are named: "
            f"{', '.join(found)}.",
            remedy="Name one, and change the others afterwards.",
        )
    return found[0] if found else None
