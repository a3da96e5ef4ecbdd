"""What a guest's disk is filled with, written down while it is filled: every file, its kind, owner, mode and digest.

A guest hands over its files as an archive (`/files`); read in the same way, the two lists can be compared.
"""

import json
import subprocess
from pathlib import Path
from typing import IO, Any

from drover.guest.archive import read_archive
from drover_lab.guests import Content, DiskSpec, Guest

# Times of folders change with what a guest writes in them; busybox' tar knows no extended attributes.
_KEPT = ("type", "size", "mode", "uid", "gid", "digest", "link")
_SECOND_MOUNT = "/srv/more"

Listing = dict[str, dict[str, Any]]


def listed(stream: IO[bytes]) -> Listing:
    """The files of an archive, by path. :raises tarfile.TarError: it ends in the middle."""
    rows = read_archive(stream, lambda: None)
    return {str(row["path"]): {key: row.get(key) for key in _KEPT} for row in rows}


def write(root: Path, target: Path) -> None:
    """Writes down everything under `root`."""
    with subprocess.Popen(["tar", "-C", str(root), "-cf", "-", "."], stdout=subprocess.PIPE) as tar:
        assert tar.stdout is not None
        found = listed(tar.stdout)
    if tar.returncode:
        raise subprocess.CalledProcessError(tar.returncode, tar.args)
    target.write_text(json.dumps(found))


def file_of(folder: Path, disk: DiskSpec) -> Path:
    """Where the list of a disk lies, beside its image."""
    return folder / f"{disk.name}.files.json"


def read(folder: Path, guest: Guest) -> Listing:
    """All that was put on a guest's disks, by the path under which the guest has it."""
    found: Listing = {}
    for disk in guest.spec.disks:
        mount = "" if disk.content is Content.SYSTEM else _SECOND_MOUNT
        rows: Listing = json.loads(file_of(folder, disk).read_text())
        # The root of a file system is mke2fs's own, not one of the files that were put there.
        found |= {mount + path: row for path, row in rows.items() if path != "/"}
    return found
