"""The backups have no place."""

from collections.abc import Iterator

from drover.concerns.finding import critical
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "backup.folder"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    if not p.backup_folder.writable:
        yield critical(
            ID,
            "Backup folder not writable",
            found=f"The backup folder {p.backup_folder.path} cannot be written to.",
            why="Without a verified backup there is no cutover.",
            do="Create it for the user that Drover runs as, or name another in backup.folder.",
        )
    if p.backup_folder.store is not None:
        yield critical(
            ID,
            "Object store for backups cannot be used",
            found=f"The object store {p.backup_folder.store}",
            why="Without a verified backup there is no cutover.",
            do="Mend that, or name another place in backup.repository or backup.folder.",
        )
