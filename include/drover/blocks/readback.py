"""Reads a disk and digests it: what is there, whoever wrote it."""

from collections.abc import Callable, Iterator
from functools import partial

from drover.blocks.chunks import Chunk, Kind, chunks, without_small_holes
from drover.blocks.crew import WORKERS, Crew, Shared
from drover.blocks.digest import CHUNK_SIZE, DIGEST_SIZE
from drover.blocks.endpoint import Endpoint
from drover.blocks.manifest import Manifest
from drover.blocks.meter import Meter
from drover.blocks.nbd_client import Connections, refuse_changed_size
from drover.blocks.ranges import Range
from drover.blocks.throttle import Throttle
from drover.model import Progress


def read_manifest(
    endpoint: Endpoint,
    *,
    throttle: Throttle,
    progress: Callable[[Progress], None],
    chunk_size: int = CHUNK_SIZE,
) -> Manifest:
    """The manifest of what the export holds now. Every byte is read, but for those that its server calls zero.

    :raises RetryableError: the export went away. :raises OperatorNeededError: something cannot be read.
    """
    with Connections(endpoint, WORKERS) as connections:
        reading = _Reading(connections, throttle, progress, chunk_size)
        reading.run()
    refuse_changed_size(endpoint, reading.size)
    return Manifest(reading.size, chunk_size, bytes(reading.digests))


class _Reading:
    def __init__(
        self,
        connections: Connections,
        throttle: Throttle,
        progress: Callable[[Progress], None],
        chunk_size: int,
    ) -> None:
        self.size = connections.size
        self.digests = bytearray(DIGEST_SIZE * -(-self.size // chunk_size))
        self._connections = connections
        self._throttle = throttle
        self._chunk_size = chunk_size
        self._meter = Meter(f"{connections[0].endpoint.label}, read back", self.size, progress)
        self._crew = Crew(self._meter, [connections])

    def run(self) -> None:
        plan = Shared(self._plan())
        self._crew.run(partial(self._work, number, plan) for number in range(WORKERS))
        self._meter.finish()

    def _ask(self, span: Range) -> list[tuple[Range, Kind]]:
        return [(part, int(zero)) for part, zero in without_small_holes(self._connections[0].zeroes(span))]

    def _plan(self) -> Iterator[tuple[Chunk, int]]:
        for chunk in chunks(self.size, self._chunk_size, self._ask, bool):
            zero = chunk.digest_if_zero(bool)
            if zero is None:
                yield from ((chunk, number) for number in range(len(chunk.pieces)))
                continue
            self._note(chunk, zero)
            self._meter.add(chunk.range.length)

    def _work(self, number: int, plan: Shared[tuple[Chunk, int]]) -> None:
        connection = self._connections[number]
        while not self._crew.stopped() and (task := plan.next()) is not None:
            chunk, piece = task
            part, zero = chunk.pieces[piece]
            if zero:
                chunk.digest_piece(piece, part.length)
            else:
                self._throttle.take(part.length, self._crew.waiting)
                chunk.digest_piece(piece, connection.read(part))
            self._meter.add(part.length, moved=0 if zero else part.length)
            if chunk.finish_piece():
                self._note(chunk, chunk.digest.digest())

    def _note(self, chunk: Chunk, digest: bytes) -> None:
        self.digests[chunk.index * DIGEST_SIZE : (chunk.index + 1) * DIGEST_SIZE] = digest
