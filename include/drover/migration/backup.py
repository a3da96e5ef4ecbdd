"""A verified copy of every disk and of the definition, before the move; without it nothing goes on.

The source is read as it is, running or off: a running machine's disks are frozen at one moment (crash-consistent).
The seal is written last; a backup without it is a killed try and is made anew.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from drover.backups import contents, seal
from drover.backups.contents import image_file
from drover.backups.objects import ObjectShelf, open_objects
from drover.backups.places import work_root
from drover.backups.seal import DEFINITION, MACHINE, MANIFESTS
from drover.backups.shelf import FolderShelf, Shelf
from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.errors import CorruptionError, OperatorNeededError
from drover.evidence.files import safe_name, write_durably
from drover.evidence.store import MachineStore, RunStore
from drover.migration.claims import refuse_foreign
from drover.migration.disks import BACKED_UP_VERSIONS, Manifests, copy_disks, totals
from drover.migration.identity import refuse_another
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import DiskFormat, to_json
from drover.waves.schema import Wave


@stage("backup")
def run(move: Move) -> Facts:
    # Another run may have its source down: a machine that is read meanwhile could not be started again.
    refuse_foreign(move)
    shelf = shelf_of(move)
    if (sealed := shelf.seal()) is not None:
        check_whole(move)
        return {**sealed, "reused": True}
    folder = _work_folder(move)
    facts = seal.read(folder)
    if facts is None:
        facts = _try(move, folder)
    if isinstance(shelf, ObjectShelf):
        # A try that was killed on the way there goes on with what it had made.
        shelf.put(folder)
        shutil.rmtree(folder)
    return facts


def _try(move: Move, folder: Path) -> Facts:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _make(move, folder)
    except BaseException:
        # It may be what filled the folder up, and another try begins anew.
        _discard(move, folder)
        raise


def _make(move: Move, folder: Path) -> Facts:
    began = time.time()
    write_durably(folder / MACHINE, json.dumps(to_json(move.machine), indent=2).encode())
    write_durably(folder / DEFINITION, move.machine.native.encode())
    refuse_another(move)
    with move.source.read_disks(move.name) as sources, _images(move, folder) as images:
        copies = copy_disks(move, sources, images, journals=False)
    move.store.write_json(BACKED_UP_VERSIONS, {name: endpoint.version for name, endpoint in sources.items()})
    Manifests(folder / MANIFESTS).save({disk: copy.target for disk, copy in copies.items()})
    facts = {"folder": shelf_of(move).label, "of": _of(move, began), **totals(copies), "files": seal.files(folder)}
    return seal.write(folder, facts)


def _of(move: Move, began: float) -> Facts:
    """Whose backup it is: whoever finds it years later may have nothing but the backup."""
    from drover.migration.along import takes_along  # which builds on this module

    return {
        "wave": move.wave.wave,
        "run": move.run,
        "machine": move.name,
        "uuid": move.machine.uuid,
        "source": move.wave.source_of(move.plan),
        "target": move.wave.target_of(move.plan),
        "made": round(began, 3),
        "taken_along": takes_along(move),
        "keep_seconds": move.wave.backup.keep,
    }


def check_whole(move: Move) -> None:
    """Whether all that the seal speaks of is still there: images by their size, everything small by its digest.

    The images are not read again here; that they are what the manifests say was proven when they were made.

    :raises OperatorNeededError: there is no finished backup. :raises CorruptionError: a part of it is gone or altered.
    """
    shelf = shelf_of(move)
    sealed = shelf.seal()
    if sealed is None:
        raise OperatorNeededError(
            f"The backup of machine '{move.name}' is not there any more.",
            remedy="Run its backup task again before the cutover.",
        )
    _refuse_anothers(move, shelf, sealed)
    if wrong := shelf.wrong_parts(sealed, {disk.name for disk in move.machine.disks}):
        raise CorruptionError(
            f"The backup of machine '{move.name}' in {shelf.label} is not whole: {', '.join(wrong)}.",
            remedy="Find out what changed it; then take this move back and run the wave anew.",
        )


def _refuse_anothers(move: Move, shelf: Shelf, sealed: Facts) -> None:
    """Law: no cutover without a verified backup of this very machine, made in this run; disks of any may be alike.

    :raises CorruptionError: what lies there is another machine's or another run's, or nobody can tell whose.
    """
    mine = {"wave": move.wave.wave, "run": move.run, "machine": move.name, "uuid": move.machine.uuid}
    said: Facts = sealed.get("of") or {}
    if {key: said.get(key) for key in mine} != mine:
        of = f"'{said.get('machine')}' ({said.get('uuid')}) in run {said.get('run')} of wave '{said.get('wave')}'"
        raise CorruptionError(
            f"What lies in {shelf.label} is no backup of machine '{move.name}' in run {move.run}: "
            f"{f'it is of {of}' if said else 'nobody can tell whose it is'}.",
            remedy="Find out who put it there and keep it elsewhere; then run the backup task again.",
        )


@contextmanager
def read_images(move: Move) -> Iterator[dict[str, Endpoint]]:
    """The disks of the finished backup, read only. :raises DroverError: as `check_whole`."""
    check_whole(move)
    with shelf_of(move).local() as folder, contents.serve_images(folder, move.machine) as images:
        yield images


def discard_unfinished(move: Move) -> None:
    """Removes what a failed or killed try left in this machine's own place; a finished backup is never touched."""
    shelf = shelf_of(move)
    if isinstance(shelf, ObjectShelf):
        shelf.discard_unfinished()
        shutil.rmtree(_work_folder(move), ignore_errors=True)
    else:
        _discard(move, _work_folder(move))


def _discard(move: Move, folder: Path) -> None:
    if not folder.is_dir() or (folder / seal.SEAL).exists():
        return
    for path in (*_image_files(move, folder).values(), folder / MACHINE, folder / DEFINITION):
        path.unlink(missing_ok=True)
    Manifests(folder / MANIFESTS).discard()
    for empty in (folder / MANIFESTS, folder):
        # Whatever else lies there is not ours.
        with suppress(OSError):
            empty.rmdir()


def shelf_of(move: Move) -> Shelf:
    """Where this machine's backup lies, or will lie."""
    return _shelf(move.wave, move.run, move.store)


def sealed(wave: Wave, run: str, root: Path) -> frozenset[str]:
    """The machines of this run whose backup is finished. :param root: of the evidence."""
    stores = (RunStore(root, wave.wave, run).machine(plan.name) for plan in wave.machines)
    return frozenset(store.name for store in stores if _shelf(wave, run, store).finished())


def _shelf(wave: Wave, run: str, store: MachineStore) -> Shelf:
    names = _names(wave, run, store)
    if wave.backup.folder is not None:
        return FolderShelf(Path(wave.backup.folder).joinpath(*names))
    return ObjectShelf(open_objects(wave.backup.place), *names)


def _work_folder(move: Move) -> Path:
    """Where the images are made: the place itself, or on the way to an object store."""
    return work_root(move.wave.backup).joinpath(*_names(move.wave, move.run, move.store))


def _names(wave: Wave, run: str, store: MachineStore) -> list[str]:
    """One place a try: after a rollback the source has run on, and its older backup is no backup of it."""
    tries = sum(record.step == "rollback" and record.outcome == "passed" for record in store.records())
    # The sign is one that no safe name keeps: what stands behind it can be no part of another machine's name.
    parts = [safe_name(part) for part in (wave.wave, run, store.name)]
    return [*parts[:2], f"{parts[2]}~{tries}" if tries else parts[2]]


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
    return {disk.name: image_file(folder, disk.name) for disk in move.machine.disks}
