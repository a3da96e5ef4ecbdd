"""An OVF package as a machine of any hypervisor: checked against its manifest, copied, and read back."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve
from drover.blocks.manifest import Manifest
from drover.blocks.probe import Image, probe
from drover.blocks.throttle import Throttle
from drover.blocks.verified import verified_copy
from drover.errors import BadInputError, CorruptionError
from drover.evidence.files import safe_name
from drover.hypervisors.arrivals import choose_pool, read_back, refuse_taken, require_name
from drover.hypervisors.port import Hypervisor, TargetSettings
from drover.hypervisors.staging import require_room, staging_folder
from drover.model import DiskFormat, Ownership, Progress, VirtualMachine
from drover.ovf import reading
from drover.ovf.package import Package, open_package
from drover.ovf.reading import Described, Source

# The formats that a package may hold. A raw disk is none: anything could be taken for one.
_FORMATS = ("vmdk", "vhdx", "vpc", "qcow2")
# A disk's file may be this much longer than the disk: an index, a compression that did not help.
_SLACK = 64 << 20
WAVE = "import"


@dataclass(frozen=True, slots=True)
class Imported:
    """:param manifest: whether the package had digests to check. :param notes: what was left out, for a person.

    :param digests: disk of the new machine to the digest of its bytes.
    """

    machine: VirtualMachine
    manifest: bool
    notes: tuple[str, ...]
    digests: Mapping[str, str]


def import_package(
    hypervisor: Hypervisor,
    path: Path,
    *,
    name: str | None = None,
    networks: Mapping[str, str] | None = None,
    pool: str | None = None,
    host: str | None = None,
    progress: Callable[[Progress], None],
) -> Imported:
    """Makes the machine, off, and returns when its disks were read back. A killed import is repeated by the same call.

    :param name: of the new machine, where the package's is not wanted.
    :param networks: network in the package to network at the target; one that is not named keeps its name.
    :param pool: where the disks go; may be left out where the target has only one.
    :raises BadInputError: the package cannot be imported. :raises CorruptionError: it was altered, or arrived wrong.
    """
    with open_package(path.absolute()) as package:
        described = _renamed(reading.read(package.descriptor, package.label), name)
        require_name(described.machine.name)
        settings = _settings(hypervisor, described.machine, networks or {}, pool, host)
        refuse_taken(hypervisor, settings.owner, "Import")
        folder = staging_folder(f"import-{safe_name(described.machine.uuid)}")
        with _unpacked(package, described, folder) as images:
            machine = _sized(described.machine, [image.size for image in images])
            hypervisor.define(machine, settings)
            copied = _copy(hypervisor, machine, settings, images, progress)
        read_back(hypervisor, machine.name, copied, progress)
    final = replace(settings.owner, role="committed")
    made = replace(hypervisor.machine(machine.name), ownership=final)
    # Last of all: from then on it is nobody's to write to, not even ours.
    hypervisor.tag(machine.name, final)
    notes = [*described.notes]
    if package.digests is None:
        notes.append("the package has no manifest, so nobody can tell whether it is as it was made")
    if package.signed:
        notes.append("the package's signature was not checked")
    return Imported(made, package.digests is not None, tuple(notes), {disk: one.root for disk, one in copied.items()})


def _renamed(described: Described, name: str | None) -> Described:
    """Under another name it is another machine, so it gets another UUID."""
    machine = described.machine
    if name is None or name == machine.name:
        return described
    new = replace(machine, name=name, uuid=reading.derived_uuid(machine.uuid, name))
    return replace(described, machine=new)


def _settings(
    hypervisor: Hypervisor, machine: VirtualMachine, networks: Mapping[str, str], pool: str | None, host: str | None
) -> TargetSettings:
    owner = Ownership(wave=WAVE, run=machine.uuid, machine=machine.name, source_uuid=machine.uuid, role="target")
    wanted = {nic.network: networks.get(nic.network, nic.network) for nic in machine.nics}
    return TargetSettings(networks=wanted, storage={WAVE: choose_pool(hypervisor, pool)}, owner=owner, host=host)


def _sized(machine: VirtualMachine, sizes: list[int]) -> VirtualMachine:
    """What the images truly hold is what counts; all disks come from one place, which is mapped to the pool."""
    disks = (replace(disk, size=size, pool=WAVE) for disk, size in zip(machine.disks, sizes, strict=True))
    return replace(machine, disks=tuple(disks))


# Unpacking


@contextmanager
def _unpacked(package: Package, described: Described, folder: Path) -> Iterator[list[Image]]:
    """Each disk as an image file of ours, its digest checked before anybody looks into it."""
    sources = [source for source in described.sources if source is not None]
    sizes = [package.size(source.href, source.size) for source in sources]
    try:
        require_room(folder, sum(sizes), f"The {package.label}")
        yield [
            _image(package, source, disk.size, folder / f"disk{number}")
            for number, (source, disk) in enumerate(zip(described.sources, described.machine.disks, strict=True), 1)
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _image(package: Package, source: Source | None, size: int, path: Path) -> Image:
    path.unlink(missing_ok=True)
    if source is None:
        create_image(path, DiskFormat.QCOW2, size)
        return probe(path, DiskFormat.QCOW2)
    limit = shutil.disk_usage(path.parent).free
    if size:
        limit = min(limit, size + size // 64 + _SLACK)
    package.unpack(source.href, path, gzipped=source.gzip, limit=limit)
    image = probe(path)
    if image.format not in _FORMATS:
        raise BadInputError(
            f"The file '{source.href}' in the {package.label} is no virtual disk that Drover knows.",
            remedy=f"Have it packed as one of {', '.join(_FORMATS)}.",
        )
    if size and image.size != size:
        raise CorruptionError(
            f"The disk '{source.href}' in the {package.label} has {image.size} bytes, but its descriptor says {size}.",
            remedy="Get the package anew from whoever made it.",
        )
    return image


# Copying


def _copy(
    hypervisor: Hypervisor,
    machine: VirtualMachine,
    settings: TargetSettings,
    images: list[Image],
    progress: Callable[[Progress], None],
) -> dict[str, Manifest]:
    """The manifests of what was written, by the target's own names of the disks, which it lists in our order."""
    made = hypervisor.machine(machine.name)
    copied: dict[str, Manifest] = {}
    with ExitStack() as stack:
        targets = stack.enter_context(hypervisor.write_disks(machine.name, settings.owner))
        for disk, image in zip(made.disks, images, strict=True):
            source: Endpoint = stack.enter_context(serve(image, read_only=True))
            done = verified_copy(source, targets[disk.name], journal=None, throttle=Throttle(), progress=progress)
            copied[disk.name] = done.copy.manifest
    return copied
