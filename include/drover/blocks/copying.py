"""One verified copy between two ends as a person names them."""

from collections.abc import Callable
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.ends import Address, open_source
from drover.blocks.nbd_client import Connection
from drover.blocks.probe import SECTOR
from drover.blocks.target import prepare
from drover.blocks.throttle import Throttle
from drover.blocks.verified import VerifiedCopy, verified_copy_to
from drover.errors import BadInputError
from drover.model import DiskFormat, Progress


def copy_disk(
    source: Path | Address,
    target: Path | Address,
    *,
    source_format: str | None,
    target_format: DiskFormat | None,
    throttle: Throttle,
    progress: Callable[[Progress], None],
) -> VerifiedCopy:
    """Copies, or goes on with a copy that was interrupted; returns when the target is verified.

    :raises BadInputError: an end is no disk, or the target is there already.
    :raises CorruptionError: the target does not hold what was read.
    """
    with open_source(source, source_format) as reading:
        size = _size(reading)
        prepared = prepare(target, target_format, reading, size)
        done = verified_copy_to(
            reading,
            prepared.writer,
            prepared.reader,
            journal=prepared.journal,
            throttle=throttle,
            progress=progress,
            identity=prepared.identity,
            fresh=prepared.fresh,
            # Reading back a local image does not go over the line that the limit is for.
            read_throttle=None if isinstance(target, Address) else Throttle(),
        )
    prepared.journal.unlink(missing_ok=True)
    return done


def _size(source: Endpoint) -> int:
    """:raises BadInputError: the source ends within a sector: no disk does, so something is missing."""
    with Connection(source) as connection:
        size = source.size or connection.size
    if size % SECTOR or size == 0:
        raise BadInputError(
            f"{source.label} has {size} bytes, which are not whole sectors of {SECTOR} bytes: it was cut off.",
            remedy="Find the whole disk; if it is whole, fill it up with 'truncate --size=%512'.",
        )
    return size
