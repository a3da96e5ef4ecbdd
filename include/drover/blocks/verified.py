"""A copy that is only done when the target, read back independently, holds what was read from the source."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.manifest import Manifest, differences
from drover.blocks.mover import CopyResult, copy, copy_ranges
from drover.blocks.ranges import Range, spell
from drover.blocks.readback import read_manifest
from drover.blocks.throttle import Throttle
from drover.errors import CorruptionError
from drover.model import Progress

Opener = Callable[[], AbstractContextManager[Endpoint]]


@dataclass(frozen=True, slots=True)
class Heal:
    """What was copied again. :param round: 1 for the first. :param ranges: whole chunks that had differed."""

    round: int
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class VerifiedCopy:
    """:param target: the manifest read back from the target; it equals the copy's own, unless the copy failed."""

    copy: CopyResult
    target: Manifest
    healed: tuple[Heal, ...]


class NotHeldError(CorruptionError):
    """The target does not hold what was written to it. :param done: what was copied and read back, where known."""

    def __init__(self, message: str, *, remedy: str, done: VerifiedCopy | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.done = done


def verified_copy(
    source: Endpoint,
    target: Endpoint,
    *,
    journal: Path | None,
    throttle: Throttle,
    progress: Callable[[Progress], None],
    heals: int = 2,
) -> VerifiedCopy:
    """Copies, flushes, reads the target back over new connections, and copies what differs again.

    It proves that the target's server gives back what was read from the source after it said that it was stored.
    The server is the same process and may answer from its host's cache; `verified_copy_to` excludes the former.

    :param heals: how many times differing chunks are copied again before it gives up.
    :raises CorruptionError: the target still differs; names it and the byte ranges.
    """
    return verified_copy_to(
        source,
        lambda: nullcontext(target),
        lambda: nullcontext(target),
        journal=journal,
        throttle=throttle,
        progress=progress,
        heals=heals,
    )


def verified_copy_to(
    source: Endpoint,
    writer: Opener,
    reader: Opener,
    *,
    journal: Path | None,
    throttle: Throttle,
    progress: Callable[[Progress], None],
    heals: int = 2,
    identity: str = "",
    fresh: bool = False,
    read_throttle: Throttle | None = None,
) -> VerifiedCopy:
    """The same with a target that is opened anew to be written, to be read back, and to be mended.

    :param writer: serves the target to be written. :param reader: serves it to be read, by another process.
    :param identity: and `fresh`: as in `drover.blocks.mover.copy`.
    :param read_throttle: the limit of reading back, where that does not go over the same line.
    """
    with writer() as target:
        copied = copy(
            source,
            target,
            journal=journal,
            throttle=throttle,
            progress=progress,
            identity=identity,
            fresh=fresh,
        )
    expected = copied.manifest
    healed: list[Heal] = []
    while True:
        with reader() as target:
            found = read_manifest(
                target, throttle=read_throttle or throttle, progress=progress, chunk_size=expected.chunk_size
            )
        ranges = differences(expected, found)
        if not ranges:
            return VerifiedCopy(copied, found, tuple(healed))
        if len(healed) == heals or found.size != expected.size:
            raise _corrupt(target, ranges, VerifiedCopy(copied, found, tuple(healed)))
        healed.append(Heal(len(healed) + 1, tuple(ranges)))
        with writer() as target:
            copy_ranges(source, target, ranges, expected)


def _corrupt(target: Endpoint, ranges: list[Range], done: VerifiedCopy) -> NotHeldError:
    rounds = len(done.healed)
    return NotHeldError(
        f"{target.label} does not hold what was written to it: {spell(ranges)} differ"
        f"{f' after {rounds} more tries' if rounds else ''}.",
        remedy="Check the storage that the target lies on; nothing may be started from this copy.",
        done=done,
    )
