"""The backups that this wave still has to make may not fit.

A person may know better (the folder is emptied during the wave, its storage deduplicates): a backup that then does not
fit fails before anything was changed.
"""

from collections.abc import Iterator

from drover.concerns.finding import critical, size, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, VirtualMachine
from drover.waves.capacity import what_fits

ID = "backup.space"
WAIVABLE = True

_LABEL = "Backup folder too small"


def check(p: Preflight) -> Iterator[Concern]:
    folder = p.backup_folder
    if not folder.writable:
        return  # told by backup.folder
    if folder.free is None:
        yield unknown(ID, _LABEL, what=f"how much space {folder.path} has left", do="Check its file system.")
        return
    # Wherever they go: all backups of the wave lie in one place.
    everyone = (*p.companions, *p.elsewhere)
    waiting = [machine for plan, machine in everyone if plan.name not in p.backed_up and not _left_behind(machine)]
    needs = {machine.name: sum(disk.allocated for disk in machine.disks) for machine in waiting}
    if (need := sum(needs.values())) > folder.free:
        yield critical(
            ID,
            _LABEL,
            found=f"{folder.path} has {size(folder.free)} left; the backups that this wave still makes take up to "
            f"{size(need)}. {what_fits(p.wave, needs, folder.free)}",
            why="Without a verified backup there is no cutover.",
            do="Free some space, or name another folder in backup.folder.",
        )


def _left_behind(machine: VirtualMachine) -> bool:
    """What an earlier run moved away is neither moved nor backed up again."""
    return machine.ownership is not None and machine.ownership.role == "migrated"
