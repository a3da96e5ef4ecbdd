"""A verified copy of every disk and of the definition, before the move; without it nothing goes on.

The source is read as it is, running or off: a running machine's disks are frozen at one moment (crash-consistent).
The file `backup.json` is written last; a backup without it is a killed try and is made anew.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.errors import CorruptionError, OperatorNeededError
from drover.evidence.files import safe_name, write_durably
from drover.evidence.store import MachineStore, RunStore
from drover.migration.disks import Manifests, copy_disks, totals
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import DiskFormat, to_json
from drover.waves.schema import Wave

_SEAL = "backup.json"
_MACHINE = "machine.json"
_DEFINITION = "definition.native"
_MANIFESTS = "manifests"
_IMAGE = ".qcow2"


@stage("backup")
def run(move: Move) -> Facts:
    folder = backup_folder(move)
    seal = read_seal(folder)
    if seal is not None:
        check_whole(move)
        return {**seal, "reused": True}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _make(move, folder)
    except BaseException:
        # It may be what filled the folder up, and another try begins anew.
        discard_unfinished(move)
        raise


def _make(move: Move, folder: Path) -> Facts:
    write_durably(folder / _MACHINE, json.dumps(to_json(move.machine), indent=2).encode())
    write_durably(folder / _DEFINITION, move.machine.native.encode())
    with move.source.read_disks(move.name) as sources, _images(move, folder) as images:
        copies = copy_disks(move, sources, images, journals=False)
    Manifests(folder / _MANIFESTS).save({disk: copy.target for disk, copy in copies.items()})
    facts = {"folder": str(folder), **totals(copies), "files": _files(folder)}
    write_durably(folder / _SEAL, json.dumps(facts, indent=2).encode())
    return facts


def check_whole(move: Move) -> None:
    """Whether all that the seal speaks of is still there: images by their size, everything small by its digest.

    The images are not read again here; that they are what the manifests say was proven when they were made.

    :raises OperatorNeededError: there is no finished backup. :raises CorruptionError: a part of it is gone or altered.
    """
    folder = backup_folder(move)
    seal = read_seal(folder)
    if seal is None:
        raise OperatorNeededError(
            f"The backup of machine '{move.name}' is not there any more.",
            remedy="Run its backup task again before the cutover.",
        )
    wrong = [name for name, file in seal["files"].items() if _look(folder / name) != file]
    disks = {disk.name for disk in move.machine.disks}
    if not wrong and disks == set(seal["digests"]):
        roots = {disk: manifest.root for disk, manifest in Manifests(folder / _MANIFESTS).load(sorted(disks)).items()}
        wrong = sorted(disk for disk in disks if roots[disk] != seal["digests"][disk])
    if wrong or disks != set(seal["digests"]):
        raise CorruptionError(
            f"The backup of machine '{move.name}' in {folder} is not whole: {', '.join(wrong) or 'a disk is missing'}.",
            remedy="Find out what changed it; then take this move back and run the wave anew.",
        )


@contextmanager
def read_images(move: Move) -> Iterator[dict[str, Endpoint]]:
    """The disks of the finished backup, read only. :raises DroverError: as `check_whole`."""
    check_whole(move)
    paths = _image_files(move, backup_folder(move))
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(serve_image(path, format=DiskFormat.QCOW2, read_only=True))
            for name, path in paths.items()
        }


def _files(folder: Path) -> dict[str, Facts]:
    return {str(path.relative_to(folder)): _look(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _look(path: Path) -> Facts:
    """What tells that a file is the one that was sealed, without reading an image through."""
    try:
        size = path.stat().st_size
        if path.suffix == _IMAGE:
            return {"bytes": size}
        return {"bytes": size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    except OSError:
        return {}


def discard_unfinished(move: Move) -> None:
    """Removes what a failed or killed try left in this machine's own folder; a finished backup is never touched."""
    folder = backup_folder(move)
    if not folder.is_dir() or (folder / _SEAL).exists():
        return
    for path in (*_image_files(move, folder).values(), folder / _MACHINE, folder / _DEFINITION):
        path.unlink(missing_ok=True)
    Manifests(folder / _MANIFESTS).discard()
    for empty in (folder / _MANIFESTS, folder):
        # Whatever else lies there is not ours.
        with suppress(OSError):
            empty.rmdir()


def backup_folder(move: Move) -> Path:
    """One folder a try: after a rollback the source has run on, and its older backup is no backup of it."""
    return _folder_of(move.wave, move.run, move.store)


def sealed(wave: Wave, run: str, root: Path) -> frozenset[str]:
    """The machines of this run whose backup is finished. :param root: of the evidence."""
    stores = (RunStore(root, wave.wave, run).machine(plan.name) for plan in wave.machines)
    return frozenset(store.name for store in stores if (_folder_of(wave, run, store) / _SEAL).exists())


def _folder_of(wave: Wave, run: str, store: MachineStore) -> Path:
    tries = sum(record.step == "rollback" and record.outcome == "passed" for record in store.records())
    names = (wave.wave, run, f"{store.name}.{tries}" if tries else store.name)
    return Path(wave.backup.folder).joinpath(*(safe_name(part) for part in names))


def read_seal(folder: Path) -> Facts | None:
    """The facts of a finished backup, or None where it was not finished.

    :raises CorruptionError: it says that it is finished, and cannot be read.
    """
    try:
        facts: Facts = json.loads((folder / _SEAL).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise CorruptionError(
            f"The backup's seal {folder / _SEAL} cannot be read.",
            remedy="Keep the folder for whoever looks into it, and run the wave anew.",
        ) from None
    return facts


@contextmanager
def _images(move: Move, folder: Path) -> Iterator[dict[str, Endpoint]]:
    """A fresh image for each disk: what a killed try wrote is of another moment and cannot be used."""
    paths = _image_files(move, folder)
    with ExitStack() as stack:
        images = {}
        for disk in move.machine.disks:
            path = paths[disk.name]
            path.unlink(missing_ok=True)
            create_image(path, DiskFormat.QCOW2, disk.size)
            os.chmod(path, 0o600)
            images[disk.name] = stack.enter_context(serve_image(path, format=DiskFormat.QCOW2, read_only=False))
        yield images


def _image_files(move: Move, folder: Path) -> dict[str, Path]:
    return {disk.name: folder / f"{safe_name(disk.name)}{_IMAGE}" for disk in move.machine.disks}
