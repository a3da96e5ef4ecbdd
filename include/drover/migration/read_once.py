"""A machine that is off is read once: what its backup has read serves the transfer, too, while nobody writes to it.

The state of each disk tells whether somebody did; one that has no state, as a block device, is read again. So is a
machine that ran when it was backed up, for it went on writing, and one whose backup lies farther away than its disks.
"""

from collections.abc import Mapping

from drover.backups.shelf import FolderShelf
from drover.blocks.endpoint import Endpoint
from drover.blocks.verified import VerifiedCopy
from drover.errors import CorruptionError
from drover.migration import backup
from drover.migration.disks import BACKED_UP_VERSIONS, copy_disks
from drover.migration.move import Move
from drover.model import PowerState


def is_current(move: Move, sources: Mapping[str, Endpoint]) -> bool:
    """Whether the backup holds what the source's disks hold now.

    :param sources: the disks, of a machine that is off.
    """
    now = {disk: endpoint.version for disk, endpoint in sources.items()}
    return (
        move.machine.state is PowerState.OFF
        and isinstance(backup.shelf_of(move), FolderShelf)
        and all(now.values())
        and move.store.read_json(BACKED_UP_VERSIONS) == now
    )


def copy_backup(move: Move, targets: Mapping[str, Endpoint]) -> dict[str, VerifiedCopy]:
    """Each disk copied out of the backup and read back.

    :raises CorruptionError: the backup is not whole, or holds other bytes by now than were read from the source.
    """
    with backup.read_images(move) as images:
        copies = copy_disks(move, images, targets, journals=True)
    sealed = backup.shelf_of(move).seal() or {}
    for disk, copy in copies.items():
        if copy.copy.manifest.root != sealed.get("digests", {}).get(disk):
            raise CorruptionError(
                f"The backup of disk {disk} of machine '{move.name}' holds other bytes than were read from the source.",
                remedy="Look at the storage that the backup lies on; then run the wave anew.",
            )
    return copies
