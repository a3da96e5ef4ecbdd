"""The mover: one pass from NBD to NBD that skips holes, digests what it carries, and can be killed at any point.

Several threads draw requests of 512 KiB in the order of the disk, each with connections of its own where the server
allows that. A chunk (4 MiB) is digested while its requests are in memory. A thread beside them flushes the target
and only then writes the finished chunks into the journal: what the journal names is on stable storage.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from drover.blocks.chunks import Chunk, Kind, chunks, overlaid, without_small_holes
from drover.blocks.crew import WORKERS, Crew, Shared
from drover.blocks.digest import CHUNK_SIZE, DIGEST_SIZE, is_zero
from drover.blocks.endpoint import Endpoint
from drover.blocks.journal import Journal
from drover.blocks.keeper import Keeper
from drover.blocks.manifest import Manifest
from drover.blocks.meter import Meter
from drover.blocks.nbd_client import Connection, Connections, refuse_changed_size
from drover.blocks.ranges import Range
from drover.blocks.throttle import Throttle
from drover.errors import CorruptionError, OperatorNeededError
from drover.model import Progress

# Kinds of a part: read and write it; zero at the source and maybe not at the target; zero at both ends.
DATA, TO_ZERO, ZERO = 0, 1, 2
# So many of the chunks in a journal are copied again all the same, to see that the source is still what it was.
_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy did, in bytes: `bytes_read + bytes_skipped + bytes_resumed` is the size.

    :param manifest: the digests of what was read from the source (of resumed chunks: when they were read).
    :param bytes_skipped: zero at the source by its own account, and therefore not read.
    :param bytes_resumed: copied by an earlier try, and therefore not read.
    """

    manifest: Manifest
    size: int
    bytes_read: int
    bytes_written: int
    bytes_skipped: int
    bytes_resumed: int
    seconds: float


def copy(
    source: Endpoint,
    target: Endpoint,
    *,
    journal: Path | None,
    throttle: Throttle,
    progress: Callable[[Progress], None],
    chunk_size: int = CHUNK_SIZE,
    identity: str = "",
    fresh: bool = False,
) -> CopyResult:
    """Copies the whole disk. Both ends must have the same size.

    :param journal: where finished chunks are kept; used only where `source.version` says which state of the source
        they are of. None: a retry starts from the beginning. The caller removes it when it is no longer needed.
    :param throttle: counts what is read.
    :param identity: something that only this very target has (its inode), bound into the journal.
    :param fresh: nothing but earlier tries of this very copy ever wrote to the target: it is zero where the source is.
    :raises RetryableError: an end went away.
    :raises OperatorNeededError: the sizes differ or changed, something cannot be read or written, no room is left.
    :raises CorruptionError: the source is no longer what the journal says it was.
    """
    started = time.monotonic()
    with Connections(source, WORKERS) as sources, Connections(target, WORKERS + 1) as targets:
        _refuse_unfit(source, target, sources, targets)
        bound = binding(source, target.label, sources.size, chunk_size, identity)
        if journal is None or not source.version:
            work = _Copy(sources, targets, None, throttle, progress, chunk_size, fresh)
            work.run()
        else:
            with Journal(journal, bound) as kept:
                work = _Copy(sources, targets, kept, throttle, progress, chunk_size, fresh)
                work.run()
    refuse_changed_size(source, work.size)
    return work.result(time.monotonic() - started)


def binding(source: Endpoint, target: str, size: int, chunk_size: int, identity: str) -> dict[str, str | int]:
    """What the journal of such a copy is bound to. :param target: its label."""
    return {
        "source": source.label,
        "version": source.version,
        "target": target,
        "identity": identity,
        "size": size,
        "chunk_size": chunk_size,
    }


def copy_ranges(source: Endpoint, target: Endpoint, ranges: list[Range], expected: Manifest) -> None:
    """Copies these ranges of whole chunks again, and flushes.

    :raises CorruptionError: the source now reads differently from `expected`, which was made of it.
    """
    with Connection(source) as reader, Connection(target) as writer:
        for part in ranges:
            for index in range(part.offset // expected.chunk_size, -(-part.end // expected.chunk_size)):
                _copy_chunk(reader, writer, expected, index)
        writer.flush()


def _copy_chunk(reader: Connection, writer: Connection, expected: Manifest, index: int) -> None:
    part = expected.range(index)
    chunk = next(chunks(part.length, part.length, lambda span: [(span, DATA)], _unread))
    for number, (piece, _) in enumerate(chunk.pieces):
        place = Range(part.offset + piece.offset, piece.length)
        data = reader.read(place)
        chunk.digest_piece(number, data)
        writer.write(data, place)
    if chunk.digest.digest() != expected.digest(index):
        raise _changed(reader.endpoint, part)


def _changed(source: Endpoint, part: Range) -> CorruptionError:
    return CorruptionError(
        f"{source.label} gave other {part} than when they were first read.",
        remedy="Find out what writes to it, or check its storage; then copy it anew, without the journal.",
    )


class _Copy:
    """One run of `copy`; the threads share it."""

    def __init__(
        self,
        sources: Connections,
        targets: Connections,
        journal: Journal | None,
        throttle: Throttle,
        progress: Callable[[Progress], None],
        chunk_size: int,
        fresh: bool,
    ) -> None:
        self.size = sources.size
        self._sources, self._targets = sources, targets
        self._throttle = throttle
        self._chunk_size = chunk_size
        self._fresh = fresh
        self._digests = bytearray(DIGEST_SIZE * -(-self.size // chunk_size))
        self._resumable = dict(journal.chunks) if journal else {}
        self._sampled = _sample(self._resumable)
        # Without a journal there is one flush, when the first worker's connection has nothing else to do any more.
        self._keeper = Keeper(lambda: targets[WORKERS if journal else 0], journal)
        self._meter = Meter(sources[0].endpoint.label, self.size, progress)
        self._crew = Crew(self._meter, [sources, targets])
        # Only the thread that holds the plan's lock adds to these two; each worker has its own counts of the others.
        self._skipped = self._resumed = 0
        self._read, self._written = [0] * WORKERS, [0] * WORKERS

    def run(self) -> None:
        plan = Shared(self._plan())
        workers = [partial(self._work, number, plan) for number in range(WORKERS)]
        self._crew.run([*workers, partial(self._keeper.run, WORKERS, self._crew)])
        self._meter.finish()

    def result(self, seconds: float) -> CopyResult:
        return CopyResult(
            manifest=Manifest(self.size, self._chunk_size, bytes(self._digests)),
            size=self.size,
            bytes_read=sum(self._read),
            bytes_written=sum(self._written),
            bytes_skipped=self._skipped,
            bytes_resumed=self._resumed,
            seconds=seconds,
        )

    # Planning: one thread at a time

    def _plan(self) -> Iterator[tuple[Chunk, int]]:
        """Every request that is left to do; chunks that need none are dealt with here."""
        for chunk in chunks(self.size, self._chunk_size, self._ask, _unread):
            data = sum(part.length for part, kind in chunk.pieces if kind == DATA)
            digest = self._resumable.get(chunk.index)
            if digest is not None and chunk.index not in self._sampled:
                self._resumed += data
                self._skipped += chunk.range.length - data
                self._done(chunk, digest)
                continue
            self._skipped += chunk.range.length - data
            zero = chunk.digest_if_zero(_unread)
            if zero is not None and all(kind == ZERO for _, kind in chunk.pieces):
                self._done(chunk, zero)
                continue
            yield from ((chunk, number) for number in range(len(chunk.pieces)))

    def _done(self, chunk: Chunk, digest: bytes) -> None:
        self._note(chunk, digest)
        self._meter.add(chunk.range.length)

    def _ask(self, span: Range) -> list[tuple[Range, Kind]]:
        source = without_small_holes(self._sources[0].zeroes(span))
        if not any(zero for _, zero in source):
            return [(part, DATA) for part, _ in source]
        if self._fresh:
            return [(part, ZERO if zero else DATA) for part, zero in source]
        # The target may hold other bytes where the source is zero: only what it calls zero itself may stay.
        target = self._targets[0].zeroes(span)
        kinds = (TO_ZERO, ZERO)
        return [(part, kinds[there] if zero else DATA) for part, zero, there in overlaid(source, target)]

    def _note(self, chunk: Chunk, digest: bytes) -> None:
        self._digests[chunk.index * DIGEST_SIZE : (chunk.index + 1) * DIGEST_SIZE] = digest

    # Working: several threads

    def _work(self, number: int, plan: Shared[tuple[Chunk, int]]) -> None:
        source, target = self._sources[number], self._targets[number]
        while not self._crew.stopped() and (task := plan.next()) is not None:
            chunk, piece = task
            part, kind = chunk.pieces[piece]
            if kind == DATA:
                self._carry(number, source, target, chunk, piece)
            else:
                chunk.digest_piece(piece, part.length)
                if kind == TO_ZERO:
                    target.zero(part)
            self._meter.add(part.length, moved=part.length if kind == DATA else 0)
            if chunk.finish_piece():
                self._finish(chunk)
        self._keeper.leave()

    def _carry(self, number: int, source: Connection, target: Connection, chunk: Chunk, piece: int) -> None:
        part, _ = chunk.pieces[piece]
        self._throttle.take(part.length, self._crew.waiting)
        data = source.read(part)
        self._read[number] += part.length
        chunk.digest_piece(piece, data)
        if is_zero(data):
            target.zero(part)
        else:
            target.write(data, part)
            self._written[number] += part.length

    def _finish(self, chunk: Chunk) -> None:
        digest = chunk.digest.digest()
        if self._resumable.get(chunk.index, digest) != digest:
            raise _changed(self._sources[0].endpoint, chunk.range)
        self._note(chunk, digest)
        self._keeper.add(chunk.index, digest, chunk.range.length)


def _unread(kind: Kind) -> bool:
    return kind != DATA


def _sample(resumable: dict[int, bytes]) -> set[int]:
    return set(random.sample(sorted(resumable), len(resumable) // _SAMPLE))


def _refuse_unfit(source: Endpoint, target: Endpoint, sources: Connections, targets: Connections) -> None:
    if targets[0].read_only:
        raise OperatorNeededError(f"{target.label} is read-only.", remedy="Serve the target so that it may be written.")
    if sources.size != targets.size:
        raise OperatorNeededError(
            f"{source.label} has {sources.size} bytes and {target.label} has {targets.size}.",
            remedy="Make the target exactly as large as the source: only then can they be proven equal.",
        )
