"""A machine's disks through an export lease: packed, held against the lease's digests, kept while they are needed."""

import json
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from drover.blocks.images import serve_image
from drover.errors import OperatorNeededError
from drover.evidence.files import safe_name
from drover.hypervisors.staging import require_room, staging_folder
from drover.hypervisors.vsphere import nfc
from drover.hypervisors.vsphere.session import Session
from drover.model import Disk, DiskFormat, Progress, VirtualMachine

log = logging.getLogger(__name__)


def staging(session: Session, machine: VirtualMachine) -> Path:
    return staging_folder(f"out-{safe_name(session.name)}-{safe_name(machine.uuid)}")


@contextmanager
def over_lease(
    session: Session, machine: VirtualMachine, begin: Callable[[], Any], versions: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """The NBD URI of each disk. What was packed stays until it was used: a retry downloads none of it again.

    :param begin: the call that gives the lease. :param versions: which states of the disks are wanted.
    """
    place = staging(session, machine)
    seal = place / "versions.json"
    if _sealed(seal) != dict(versions):
        shutil.rmtree(place)
        place = staging(session, machine)
        require_room(place, sum(disk.allocated for disk in machine.disks), f"Machine '{machine.name}'")
        _download(session, machine, begin, place)
        seal.write_text(json.dumps(dict(versions)))
    with ExitStack() as stack:
        yield {
            disk.name: stack.enter_context(
                serve_image(_packed(place, disk), format=DiskFormat.VMDK, read_only=True)
            ).uri
            for disk in machine.disks
        }
    shutil.rmtree(place, ignore_errors=True)


def _sealed(seal: Path) -> Any:
    try:
        return json.loads(seal.read_text())
    except (OSError, ValueError):
        return None


def _packed(place: Path, disk: Disk) -> Path:
    return place / f"{safe_name(disk.name)}.vmdk"


def _download(session: Session, machine: VirtualMachine, begin: Callable[[], Any], place: Path) -> None:
    names = [disk.name for disk in machine.disks]
    with nfc.lease(session, begin, f"the export of machine '{machine.name}'", names) as lease:
        digests = {
            disk.name: lease.download(disk.name, _packed(place, disk), _tell, disk.allocated) for disk in machine.disks
        }
        expected = lease.manifest()
        if expected is None:
            raise OperatorNeededError(
                f"{session.name} keeps no digests of what it exports of machine '{machine.name}', so nobody can tell "
                "whether it arrived whole.",
                remedy="Shut the machine down and remove its snapshots: then its datastore files are read instead.",
            )
        for name, digest in digests.items():
            label = f"Disk {name} of machine '{machine.name}' on {session.name}"
            nfc.require_digest(label, expected, name, digest)


def _tell(progress: Progress) -> None:
    log.debug("%s: %d of %d bytes", progress.label, progress.done, progress.total)
