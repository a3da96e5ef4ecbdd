"""The backups that this wave still has to make may not fit.

A person may know better (the folder is emptied during the wave, its storage deduplicates): a backup that then does not
fit fails before anything was changed.
"""

from collections.abc import Iterator, Sequence

from drover.concerns.finding import critical, size, unknown
from drover.concerns.preflight import Preflight
from drover.model import Concern, VirtualMachine
from drover.waves import limits
from drover.waves.capacity import at_once, what_fits
from drover.waves.schema import MachinePlan

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
    waiting = [(plan, vm) for plan, vm in everyone if plan.name not in p.backed_up and not _left_behind(vm)]
    if p.wave.backup.repository is None:
        yield from _for_good(p, {vm.name: _size(vm) for _, vm in waiting}, folder.free)
    else:
        yield from _on_the_way(p, waiting, folder.free)


def _for_good(p: Preflight, needs: dict[str, int], free: int) -> Iterator[Concern]:
    if (need := sum(needs.values())) > free:
        yield critical(
            ID,
            _LABEL,
            found=f"{p.backup_folder.path} has {size(free)} left; the backups that this wave still makes take up to "
            f"{size(need)}. {what_fits(p.wave, needs, free)}",
            why="Without a verified backup there is no cutover.",
            do="Free some space, or name another folder in backup.folder.",
        )


def _on_the_way(p: Preflight, waiting: Sequence[tuple[MachinePlan, VirtualMachine]], free: int) -> Iterator[Concern]:
    """Each is removed here once it is in the object store: what counts is what may be made at the same time."""
    needs = {plan.name: _size(vm) for plan, vm in waiting}
    places = {plan.name: _places(p, plan, vm) for plan, vm in waiting}
    if (need := at_once(p.wave, needs, places)) > free:
        largest = max(needs, key=lambda name: needs[name])
        yield critical(
            ID,
            "Staging folder too small for the backups",
            found=f"The staging folder {p.backup_folder.path} has {size(free)} left; the backups that may be on their "
            f"way to the object store at the same time take up to {size(need)}, that of '{largest}' alone "
            f"{size(needs[largest])}.",
            why="Without a verified backup there is no cutover.",
            do="Free some space there, have DROVER_STAGING name a larger folder, or let fewer machines be backed up at "
            "once by 'limits'.",
        )


def _places(p: Preflight, plan: MachinePlan, vm: VirtualMachine) -> tuple[str, ...]:
    return limits.places(p.wave, plan, "backup", vm.host, "", [disk.pool for disk in vm.disks if disk.pool])


def _size(machine: VirtualMachine) -> int:
    return sum(disk.allocated for disk in machine.disks)


def _left_behind(machine: VirtualMachine) -> bool:
    """What an earlier run moved away is neither moved nor backed up again."""
    return machine.ownership is not None and machine.ownership.role == "migrated"
