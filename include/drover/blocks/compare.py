"""Compares two disks byte by byte, trusting no manifest: both are read, and holes count as zeroes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from drover.blocks.chunks import Chunk, Kind, chunks, overlaid, without_small_holes
from drover.blocks.crew import WORKERS, Crew, Shared
from drover.blocks.digest import CHUNK_SIZE
from drover.blocks.endpoint import Endpoint
from drover.blocks.meter import Meter
from drover.blocks.nbd_client import Connection, Connections, refuse_changed_size
from drover.blocks.ranges import Range
from drover.blocks.throttle import Throttle
from drover.model import Progress

SECTOR = 512
# Kinds of a part: which of the two is known to be zero.
FIRST_ZERO, SECOND_ZERO = 1, 2
_BOTH_ZERO = FIRST_ZERO | SECOND_ZERO


@dataclass(frozen=True, slots=True)
class Comparison:
    """:param sizes: of both, bytes. :param differences: sorted, none touches another; exact at their ends."""

    sizes: tuple[int, int]
    differences: list[Range]

    @property
    def equal(self) -> bool:
        return not self.differences


@dataclass(frozen=True, slots=True)
class Run:
    """Sectors in a row that differ, [start, end), and the first byte and the byte after the last that do."""

    start: int
    end: int
    first: int
    last: int


def compare(
    first: Endpoint, second: Endpoint, *, throttle: Throttle, progress: Callable[[Progress], None]
) -> Comparison:
    """Where the two differ. The longer one's tail is a difference, whatever it holds.

    :raises RetryableError: one went away. :raises OperatorNeededError: something cannot be read: never equal.
    """
    with Connections(first, WORKERS) as left, Connections(second, WORKERS) as right:
        work = _Comparing(left, right, throttle, progress)
        work.run()
    for endpoint, size in ((first, left.size), (second, right.size)):
        refuse_changed_size(endpoint, size)
    common, longer = sorted((left.size, right.size))
    tail = [Run(common, longer, common, longer)] if longer > common else []
    return Comparison((left.size, right.size), _joined([*work.runs, *tail]))


class _Comparing:
    def __init__(
        self, left: Connections, right: Connections, throttle: Throttle, progress: Callable[[Progress], None]
    ) -> None:
        self._left, self._right = left, right
        self._throttle = throttle
        self._size = min(left.size, right.size)
        self.runs: list[Run] = []
        labels = f"{left[0].endpoint.label} and {right[0].endpoint.label}"
        self._meter = Meter(labels, self._size, progress)
        self._crew = Crew(self._meter, [left, right])

    def run(self) -> None:
        plan = Shared(self._plan())
        self._crew.run(partial(self._work, number, plan) for number in range(WORKERS))
        self._meter.finish()

    def _ask(self, span: Range) -> list[tuple[Range, Kind]]:
        left = without_small_holes(self._left[0].zeroes(span))
        right = without_small_holes(self._right[0].zeroes(span))
        return [(part, FIRST_ZERO * a + SECOND_ZERO * b) for part, a, b in overlaid(left, right)]

    def _plan(self) -> Iterator[tuple[Range, Kind]]:
        for chunk in chunks(self._size, CHUNK_SIZE, self._ask, lambda kind: kind == _BOTH_ZERO):
            yield from self._to_read(chunk)

    def _to_read(self, chunk: Chunk) -> Iterator[tuple[Range, Kind]]:
        for part, kind in chunk.pieces:
            if kind == _BOTH_ZERO:
                self._meter.add(part.length)
            else:
                yield part, kind

    def _work(self, number: int, plan: Shared[tuple[Range, Kind]]) -> None:
        left, right = self._left[number], self._right[number]
        while not self._crew.stopped() and (task := plan.next()) is not None:
            part, kind = task
            a = self._read(left, part, bool(kind & FIRST_ZERO))
            b = self._read(right, part, bool(kind & SECOND_ZERO))
            if a != b:
                # Appending to a list is atomic; the order comes later.
                self.runs.extend(differing_runs(a, b, part.offset))
            self._meter.add(part.length, moved=part.length)

    def _read(self, connection: Connection, part: Range, zero: bool) -> bytearray:
        if zero:
            return bytearray(part.length)
        self._throttle.take(part.length, self._crew.waiting)
        return connection.read(part)


def differing_runs(a: bytearray, b: bytearray, offset: int) -> Iterator[Run]:
    """The runs of sectors that differ in two buffers of one length, which lie at `offset` on the disk."""
    left, right = memoryview(a), memoryview(b)
    start = None
    for at in range(0, len(a), SECTOR):
        differs = left[at : at + SECTOR] != right[at : at + SECTOR]
        if differs and start is None:
            start = at
        elif not differs and start is not None:
            yield _run(a, b, start, at, offset)
            start = None
    if start is not None:
        yield _run(a, b, start, len(a), offset)


def _run(a: bytearray, b: bytearray, start: int, end: int, offset: int) -> Run:
    first = next(at for at in range(start, end) if a[at] != b[at])
    last = next(at for at in range(end - 1, start - 1, -1) if a[at] != b[at])
    return Run(offset + start, offset + end, offset + first, offset + last + 1)


def _joined(runs: list[Run]) -> list[Range]:
    """Runs whose sectors touch are one difference, although its outer bytes may be equal by chance in between."""
    result: list[Run] = []
    for run in sorted(runs, key=lambda run: run.start):
        if result and run.start <= result[-1].end:
            before = result[-1]
            result[-1] = Run(before.start, run.end, before.first, run.last)
        else:
            result.append(run)
    return [Range(run.first, run.last - run.first) for run in result]
