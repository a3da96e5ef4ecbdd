"""A disk cut into chunks, and chunks into requests, along what is known to be zero."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from drover.blocks.digest import REQUEST_SIZE, ChunkDigest, digest_of_zeroes
from drover.blocks.ranges import Range

# Extents are asked for so much at a time: few questions on a slow line, little memory on a large disk.
WINDOW = 1 << 30
# A hole that is smaller is read like data: a request of its own would cost more than its bytes.
SMALLEST_HOLE = 64 << 10

# What is known of a part of the disk, chosen by whoever asks (`mover`, `readback`, `compare`).
Kind = int
Map = Callable[[Range], list[tuple[Range, Kind]]]


@dataclass(slots=True)
class Chunk:
    """One chunk and what is done of it. :param pieces: its requests and its parts that need none, each of one kind."""

    index: int
    range: Range
    pieces: list[tuple[Range, Kind]]
    digest: ChunkDigest = field(default_factory=ChunkDigest)
    lock: threading.Lock = field(default_factory=threading.Lock)
    left: int = 0

    def __post_init__(self) -> None:
        self.left = len(self.pieces)

    def digest_piece(self, number: int, content: bytearray | int) -> None:
        with self.lock:
            self.digest.add(number, content)

    def finish_piece(self) -> bool:
        """True for whoever finishes the last one."""
        with self.lock:
            self.left -= 1
            return self.left == 0

    def digest_if_zero(self, zero: Callable[[Kind], bool]) -> bytes | None:
        """The digest of a chunk that is zero throughout, without a pass over the zeroes."""
        return digest_of_zeroes(self.range.length) if all(zero(kind) for _, kind in self.pieces) else None


def chunks(size: int, chunk_size: int, ask: Map, unread: Callable[[Kind], bool]) -> Iterator[Chunk]:
    """All chunks in order.

    :param ask: the kinds of a range, in order and without gaps.
    :param unread: whether no byte of a kind is read. It is then not cut into requests: there would be many of nothing.
    """
    window = max(WINDOW // chunk_size, 1) * chunk_size
    for start in range(0, size, window):
        span = Range(start, min(window, size - start))
        parts = ask(span)
        first = 0
        for offset in range(span.offset, span.end, chunk_size):
            part = Range(offset, min(chunk_size, span.end - offset))
            while parts[first][0].end <= part.offset:
                first += 1
            yield Chunk(offset // chunk_size, part, _pieces(part, parts, first, unread))


def _pieces(
    chunk: Range, parts: list[tuple[Range, Kind]], first: int, unread: Callable[[Kind], bool]
) -> list[tuple[Range, Kind]]:
    pieces: list[tuple[Range, Kind]] = []
    for part, kind in parts[first:]:
        if part.offset >= chunk.end:
            break
        start, end = max(part.offset, chunk.offset), min(part.end, chunk.end)
        step = end - start if unread(kind) else REQUEST_SIZE
        pieces.extend((Range(at, min(step, end - at)), kind) for at in range(start, end, step))
    return pieces


def without_small_holes(parts: list[tuple[Range, bool]]) -> list[tuple[Range, bool]]:
    """The same range, small zero parts joined to the data around them."""
    result: list[tuple[Range, bool]] = []
    for part, zero in parts:
        zero = zero and part.length >= SMALLEST_HOLE
        if result and result[-1][1] == zero:
            before = result[-1][0]
            result[-1] = (Range(before.offset, before.length + part.length), zero)
        else:
            result.append((part, zero))
    return result


def overlaid(first: list[tuple[Range, bool]], second: list[tuple[Range, bool]]) -> list[tuple[Range, bool, bool]]:
    """Two maps of one range as one, cut wherever either changes."""
    result = []
    left = right = 0
    at = first[0][0].offset if first else 0
    while left < len(first) and right < len(second):
        (a, a_zero), (b, b_zero) = first[left], second[right]
        end = min(a.end, b.end)
        result.append((Range(at, end - at), a_zero, b_zero))
        at = end
        left += a.end == end
        right += b.end == end
    return result
