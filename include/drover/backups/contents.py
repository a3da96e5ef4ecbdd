"""What a finished backup holds: the machine, the image of each disk, and the manifest that each is proven by."""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from drover.backups import seal
from drover.backups.seal import IMAGE, MACHINE, MANIFESTS, Facts
from drover.blocks.endpoint import Endpoint
from drover.blocks.images import serve_image
from drover.blocks.manifest import Manifest
from drover.errors import CorruptionError
from drover.evidence.files import safe_name
from drover.model import DiskFormat, VirtualMachine, from_json

_REMEDY = "Keep it for whoever looks into it, and use another backup of this machine."


@dataclass(frozen=True, slots=True)
class Contents:
    """:param machine: as it was at its source. :param manifests: of each disk, by its name there."""

    folder: Path
    machine: VirtualMachine
    manifests: Mapping[str, Manifest]

    def images(self) -> AbstractContextManager[dict[str, Endpoint]]:
        return serve_images(self.folder, self.machine)


@contextmanager
def serve_images(folder: Path, machine: VirtualMachine) -> Iterator[dict[str, Endpoint]]:
    """The disks of a backup, read only, by their names at the source."""
    with ExitStack() as stack:
        yield {
            disk.name: stack.enter_context(
                serve_image(image_file(folder, disk.name), format=DiskFormat.QCOW2, read_only=True)
            )
            for disk in machine.disks
        }


def image_file(folder: Path, disk: str) -> Path:
    return folder / f"{safe_name(disk)}{IMAGE}"


def wrong_parts(folder: Path, facts: Facts, disks: set[str]) -> list[str]:
    """What keeps the backup from being whole, its images not read through. :param disks: that it must hold."""
    wrong = seal.altered(folder, facts, images=False)
    if not wrong and disks == set(facts["digests"]):
        wrong = sorted(disk for disk in disks if _manifest(folder, disk).root != facts["digests"][disk])
    if wrong or disks != set(facts["digests"]):
        return wrong or ["a disk is missing"]
    return []


def proven(folder: Path, facts: Facts) -> Contents:
    """The contents of a finished backup, every byte of which was read and held against its seal.

    :param facts: its seal. :raises CorruptionError: a byte of it is not what was sealed, or a part is missing.
    """
    _refuse(folder, seal.altered(folder, facts, images=True))
    machine = _machine(folder)
    disks = [disk.name for disk in machine.disks]
    _refuse(folder, wrong_parts(folder, facts, set(disks)))
    return Contents(folder, machine, {disk: _manifest(folder, disk) for disk in disks})


def _manifest(folder: Path, disk: str) -> Manifest:
    return Manifest.load(folder / MANIFESTS / f"{safe_name(disk)}.parquet")


def _refuse(folder: Path, wrong: list[str]) -> None:
    if wrong:
        raise CorruptionError(f"The backup in {folder} is not whole: {', '.join(wrong)}.", remedy=_REMEDY)


def _machine(folder: Path) -> VirtualMachine:
    import pydantic

    try:
        return from_json(VirtualMachine, json.loads((folder / MACHINE).read_bytes()))
    except (OSError, ValueError, pydantic.ValidationError):
        raise CorruptionError(f"The machine in the backup {folder} cannot be read.", remedy=_REMEDY) from None
