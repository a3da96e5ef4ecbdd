"""A machine of any hypervisor as an OVF package: read as it is at one moment, packed, and compared with its disks."""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.vmdk import pack, populated, require_same
from drover.errors import BadInputError, OperatorNeededError
from drover.evidence.files import safe_name
from drover.hypervisors.port import Hypervisor
from drover.model import Progress, VirtualMachine
from drover.ovf import descriptor, manifest
from drover.ovf.descriptor import PackedFile
from drover.ovf.package import file_digest, room, write_archive

_PART = ".drover-part"
_MARK = "drover-export"


@dataclass(frozen=True, slots=True)
class Exported:
    """:param path: the OVA file or the folder. :param files: name to SHA-256. :param bytes: of the package."""

    path: Path
    files: Mapping[str, str]
    bytes: int


def export_machine(
    hypervisor: Hypervisor, name: str, target: Path, *, progress: Callable[[Progress], None]
) -> Exported:
    """:param target: `*.ova` for one file, else a folder, which is made.

    :raises BadInputError: something is there already. :raises OperatorNeededError: there is no room.
    """
    target = target.absolute()
    if target.exists():
        raise BadInputError(f"{target} is there already.", remedy="Choose another name, or move it away.")
    if not target.parent.is_dir():
        raise BadInputError(f"There is no folder {target.parent}.", remedy="Make it first, or write elsewhere.")
    machine = hypervisor.machine(name)
    if not machine.disks:
        raise OperatorNeededError(f"Machine '{name}' has no disk to export.", remedy="Choose another machine.")
    work = _work_folder(target)
    try:
        done = _fill(hypervisor, machine, work, progress)
        files = [work / file for file in done]
        size = sum(file.stat().st_size for file in files)
        if target.suffix.lower() == ".ova":
            archive = work / "package"
            write_archive(files, archive)
            size = archive.stat().st_size
            archive.rename(target)
        else:
            (work / _MARK).unlink()
            work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Exported(target, done, size)


def _work_folder(target: Path) -> Path:
    """Beside the target, so that the finished package only needs its name. What a killed try left is removed."""
    work = target.with_name(f"{target.name}{_PART}")
    if work.exists():
        if not (work / _MARK).exists():
            raise BadInputError(f"{work} is in the way, and no export made it.", remedy="Move it away.")
        shutil.rmtree(work)
    try:
        work.mkdir(mode=0o700)
        (work / _MARK).touch()
    except OSError as error:
        raise BadInputError(
            f"The folder {target.parent} cannot be written: {error.strerror}.", remedy="Choose another one."
        ) from None
    return work


def _fill(
    hypervisor: Hypervisor, machine: VirtualMachine, work: Path, progress: Callable[[Progress], None]
) -> dict[str, str]:
    """Descriptor, manifest and disks, in the order of the package; each file's digest."""
    stem = _stem(machine.name)
    packed: list[PackedFile] = []
    digests: dict[str, str] = {}
    with hypervisor.read_disks(machine.name) as endpoints:
        data = [populated(_end(machine, endpoints, disk.name)) for disk in machine.disks]
        room(work, sum(data), f"The export of machine '{machine.name}'")
        for number, disk in enumerate(machine.disks, 1):
            file = work / f"{stem}-disk{number}.vmdk"
            pack(endpoints[disk.name], file, progress=progress)
            require_same(endpoints[disk.name], file, progress=progress)
            packed.append(PackedFile(file.name, file.stat().st_size, data[number - 1]))
    (work / f"{stem}.ovf").write_bytes(descriptor.write(machine, packed))
    for name in (f"{stem}.ovf", *(one.href for one in packed)):
        digests[name] = file_digest(work / name)
    text = manifest.write(digests)
    (work / f"{stem}.mf").write_bytes(text)
    first, *rest = digests
    return {
        first: digests[first],
        f"{stem}.mf": file_digest(work / f"{stem}.mf"),
        **{key: digests[key] for key in rest},
    }


def _end(machine: VirtualMachine, endpoints: Mapping[str, Endpoint], disk: str) -> Endpoint:
    if disk not in endpoints:
        raise OperatorNeededError(
            f"Disk {disk} of machine '{machine.name}' was there a moment ago and is not any more.",
            remedy="Let nobody change the machine, then try again.",
        )
    return endpoints[disk]


def _stem(name: str) -> str:
    """A name that every reader of packages can handle: they put it into file names and URLs."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", safe_name(name)).lstrip(".-")
