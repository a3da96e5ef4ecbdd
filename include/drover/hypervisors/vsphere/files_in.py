"""Disks into the files of a datastore: the way for a user who may not import."""

import logging
from pathlib import Path, PurePosixPath

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.vsphere.folder import DataFile
from drover.hypervisors.vsphere.place import Site
from drover.hypervisors.vsphere.session import Session
from drover.model import Disk

log = logging.getLogger(__name__)
_TRIES = 4


def send(session: Session, site: Site, disk: Disk, image: Path) -> None:
    """Puts the image's bytes in the place of the disk's own. :raises OperatorNeededError: it has no file of its own."""
    store = site.datastore(disk.pool or "")
    inside = disk.path.partition("] ")[2]
    datacenter = site.around.above(store.id, "Datacenter") or ""
    flat = PurePosixPath(inside).with_suffix("").as_posix() + "-flat.vmdk"
    file = DataFile(site.around.inventory_path(datacenter), store.name, flat, disk.size)
    _require_there(session, disk, file)
    for number in range(1, _TRIES + 1):
        session.renew()  # What is sent while the login runs out cannot be sent twice.
        try:
            with open(image, "rb") as body:
                headers = {"Content-Length": str(disk.size), "Content-Type": "application/octet-stream"}
                with session.http().open("PUT", file.url, headers=headers, body=body) as answer:
                    answer.read()
            return
        except RetryableError as error:
            if number == _TRIES:
                raise
            log.warning("%s Sending disk %s again (%d of %d).", error.message, disk.name, number, _TRIES - 1)


def _require_there(session: Session, disk: Disk, file: DataFile) -> None:
    """On vSAN there is no such file: one that we made would be read back as what it is, and the disk stay empty.

    Its length may be any: a killed try leaves a part of it.
    """
    try:
        with session.http().open("HEAD", file.url) as answer:
            answer.read()
    except OperatorNeededError as error:
        raise OperatorNeededError(
            f"Disk {disk.name} cannot be written into the files of the datastore '{disk.pool}': {error.message}",
            remedy="Give the user the right to import (VApp.Import), or map the disk to a VMFS or NFS datastore.",
        ) from error
