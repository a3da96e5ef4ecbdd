"""The backups have no place."""

from collections.abc import Iterator

from drover.concerns.finding import critical, size, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern

ID = "backup.folder"
WAIVABLE = False


def check(p: Preflight) -> Iterator[Concern]:
    folder = p.backup_folder
    if not folder.writable:
        yield critical(
            ID,
            "Backup folder not writable",
            found=f"The backup folder {folder.path} cannot be written to.",
            why="Without a verified backup there is no cutover.",
            do="Create it for the user that Drover runs as, or name another in backup.folder.",
        )
        return
    if folder.free is None:
        yield unknown(
            ID, "Backup space not known", what=f"how much space {folder.path} has left", do="Check its file system."
        )
        return
    need = sum(disk.allocated for _, machine in p.companions for disk in machine.disks)
    if need > folder.free:
        yield critical(
            ID,
            "Backup folder too small",
            found=f"{folder.path} has {size(folder.free)} left; the backups of this wave take {size(need)}.",
            why="Without a verified backup there is no cutover.",
            do="Free some space, or name another folder in backup.folder.",
        )
