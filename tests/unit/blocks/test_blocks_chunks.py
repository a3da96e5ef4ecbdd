import time

import pytest
from blake3 import blake3

from drover.blocks.chunks import Chunk, chunks, overlaid, without_small_holes
from drover.blocks.crew import Crew, Shared
from drover.blocks.digest import REQUEST_SIZE, ChunkDigest, digest_of_zeroes, is_zero
from drover.blocks.meter import Meter
from drover.blocks.ranges import Range
from drover.errors import RetryableError

MIB = 1 << 20


def cut(size: int, chunk_size: int, parts: list[tuple[Range, int]]) -> list[Chunk]:
    return list(chunks(size, chunk_size, lambda _span: parts, bool))


def test_chunks_cover_the_disk_without_gap_or_overlap() -> None:
    size = 10 * MIB + 4096
    parts = [
        (Range(0, 3 * MIB + 512), 0),
        (Range(3 * MIB + 512, 5 * MIB), 1),
        (Range(8 * MIB + 512, 2 * MIB + 3584), 0),
    ]
    found = cut(size, 4 * MIB, parts)
    assert [chunk.range for chunk in found] == [
        Range(0, 4 * MIB),
        Range(4 * MIB, 4 * MIB),
        Range(8 * MIB, size - 8 * MIB),
    ]
    at = 0
    for chunk in found:
        for piece, _ in chunk.pieces:
            assert piece.offset == at
            assert piece.length > 0
            at = piece.end
    assert at == size


def test_what_is_read_is_cut_into_requests_and_what_is_not_is_one_piece_a_chunk() -> None:
    found = cut(12 * MIB, 4 * MIB, [(Range(0, 5 * MIB), 0), (Range(5 * MIB, 7 * MIB), 1)])
    assert [len(chunk.pieces) for chunk in found] == [4 * MIB // REQUEST_SIZE, MIB // REQUEST_SIZE + 1, 1]
    assert all(piece.length == REQUEST_SIZE for chunk in found for piece, kind in chunk.pieces if kind == 0)
    assert [piece for chunk in found for piece, kind in chunk.pieces if kind] == [
        Range(5 * MIB, 3 * MIB),
        Range(8 * MIB, 4 * MIB),
    ]


def test_no_piece_is_of_two_kinds() -> None:
    parts = [(Range(0, 512), 0), (Range(512, 512), 1), (Range(1024, 3072), 0)]
    assert [(piece, kind) for chunk in cut(4096, 4096, parts) for piece, kind in chunk.pieces] == parts


def test_small_holes_are_read_and_large_ones_are_not() -> None:
    small = [(Range(0, 4096), False), (Range(4096, 4096), True), (Range(8192, 4096), False)]
    assert without_small_holes(small) == [(Range(0, 12288), False)]
    large = [(Range(0, 4096), False), (Range(4096, MIB), True)]
    assert without_small_holes(large) == large


def test_two_maps_become_one() -> None:
    first = [(Range(0, 10), True), (Range(10, 10), False)]
    second = [(Range(0, 5), False), (Range(5, 15), True)]
    assert overlaid(first, second) == [
        (Range(0, 5), True, False),
        (Range(5, 5), True, True),
        (Range(10, 10), False, True),
    ]


def test_pieces_may_arrive_in_any_order() -> None:
    content = [bytearray(b"a" * 1000), 3 * MIB, bytearray(b"b" * 10)]
    digest = ChunkDigest()
    for number in (2, 0, 1):
        digest.add(number, content[number])
    assert digest.digest() == blake3(b"a" * 1000 + bytes(3 * MIB) + b"b" * 10).digest()


def test_zeroes_are_known_without_reading_them() -> None:
    assert digest_of_zeroes(4 * MIB - 512) == blake3(bytes(4 * MIB - 512)).digest()
    assert is_zero(bytearray(REQUEST_SIZE))
    assert is_zero(bytearray(512))
    assert not is_zero(bytearray(REQUEST_SIZE - 1) + b"\1")


def test_the_first_error_ends_the_others() -> None:
    crew = Crew(Meter("disk", 0, lambda _progress: None), [])

    def waits() -> None:
        while not crew.stopped():
            time.sleep(0.01)

    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        crew.run([waits, fails, waits])


def test_a_server_that_hangs_is_given_up() -> None:
    class Hung:
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    end = Hung()
    crew = Crew(Meter("disk", 0, lambda _progress: None), [end], stall=0.5)

    def hangs() -> None:
        while not end.aborted:
            time.sleep(0.01)

    with pytest.raises(RetryableError, match="Not a byte moved"):
        crew.run([hangs])


def test_threads_share_one_iterator() -> None:
    shared = Shared(range(3))
    assert [shared.next() for _ in range(4)] == [0, 1, 2, None]
