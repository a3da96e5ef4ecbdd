"""A machine's disks through an export lease: packed, held against the lease's digests, kept while they are needed."""

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from drover.blocks.images import serve_image
from drover.errors import OperatorNeededError
from drover.evidence.files import safe_name, write_durably
from drover.hypervisors.staging import require_room, staging_folder
from drover.hypervisors.vsphere import nfc
from drover.hypervisors.vsphere.inventory import instance
from drover.hypervisors.vsphere.session import Session
from drover.model import Disk, DiskFormat, Progress, VirtualMachine

log = logging.getLogger(__name__)


def _staging(session: Session, machine: VirtualMachine) -> Path:
    """A folder of the very machine: clones of it share its UUID, and have an instance UUID of their own."""
    one = instance(machine) or f"{machine.uuid} {machine.id}"
    return staging_folder(f"out-{safe_name(session.name)}-{safe_name(one)}")


@contextmanager
def over_lease(
    session: Session, machine: VirtualMachine, begin: Callable[[], Any], versions: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The NBD URI of each disk. What was packed stays until it was used: a retry downloads none of it again.

    :param begin: the call that gives the lease. :param versions: which states of the disks are wanted.
    """
    with _alone(session, machine) as place:
        files = {disk.name: _packed(place, disk, versions[disk.name]) for disk in machine.disks}
        missing = [disk for disk in machine.disks if not _is_whole(files[disk.name])]
        kept = {path for disk in machine.disks for path in (files[disk.name], _seal(files[disk.name]))}
        for path in place.iterdir():
            if path not in kept:  # Of another moment, which nobody will ask for again.
                path.unlink()
        if missing:
            require_room(place, sum(disk.allocated for disk in missing), f"Machine '{machine.name}'")
            _download(session, machine, begin, {disk: files[disk.name] for disk in missing})
        with ExitStack() as stack:
            yield {
                name: stack.enter_context(serve_image(file, format=DiskFormat.VMDK, read_only=True)).uri
                for name, file in files.items()
            }
        shutil.rmtree(place, ignore_errors=True)


def discard(session: Session, machine: VirtualMachine) -> None:
    """Removes what a killed try has left, unless somebody reads it now."""
    try:
        with _alone(session, machine, wait=False) as place:
            shutil.rmtree(place, ignore_errors=True)
    except BlockingIOError:
        log.info("What was exported of machine '%s' is still being read, and stays.", machine.name)


@contextmanager
def _alone(session: Session, machine: VirtualMachine, *, wait: bool = True) -> Iterator[Path]:
    """The staging folder for one reader at a time; the kernel lets go when a reader is killed.

    :raises BlockingIOError: another one reads, and nobody is to wait.
    """
    while True:
        place = _staging(session, machine)
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            # Whoever was waited for has removed the folder: what is locked is nowhere then.
            if place.exists() and os.path.samestat(os.fstat(handle), place.stat()):
                yield place
                return
        finally:
            os.close(handle)


def _packed(place: Path, disk: Disk, version: str) -> Path:
    return place / f"{safe_name(disk.name)}-{hashlib.sha256(version.encode()).hexdigest()[:16]}.vmdk"


def _seal(file: Path) -> Path:
    return file.with_suffix(".json")


def _is_whole(file: Path) -> bool:
    """Whether the file was compared with the server's digest and lay on the disk before its seal was written."""
    try:
        size: int = json.loads(_seal(file).read_text())["size"]
        return file.stat().st_size == size
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _download(session: Session, machine: VirtualMachine, begin: Callable[[], Any], wanted: Mapping[Disk, Path]) -> None:
    names = [disk.name for disk in machine.disks]
    with nfc.lease(session, begin, f"the export of machine '{machine.name}'", names) as lease:
        digests = {disk: lease.download(disk.name, file, _tell, disk.allocated) for disk, file in wanted.items()}
        expected = lease.manifest()
        if expected is None:
            raise OperatorNeededError(
                f"{session.name} keeps no digests of what it exports of machine '{machine.name}', so nobody can tell "
                "whether it arrived whole.",
                remedy="Shut the machine down and remove its snapshots: then its datastore files are read instead.",
            )
        for disk, digest in digests.items():
            label = f"Disk {disk.name} of machine '{machine.name}' on {session.name}"
            nfc.require_digest(label, expected, disk.name, digest)
    for disk, file in wanted.items():
        _sync(file)
        write_durably(_seal(file), json.dumps({"size": file.stat().st_size, "sha1": digests[disk]}).encode())


def _sync(file: Path) -> None:
    """The seal must never be on the disk before what it stands for."""
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tell(progress: Progress) -> None:
    log.debug("%s: %d of %d bytes", progress.label, progress.done, progress.total)
