"""BLAKE3 of chunks of a disk, and what chunks and requests measure."""

from functools import lru_cache

from blake3 import blake3

MIB = 1 << 20
# A chunk is what has a digest, a line in the journal and is copied again when it differs.
CHUNK_SIZE = 4 * MIB
# A request is what is on its way at once. 512 KiB stay in a core's cache between the socket, the digest and the
# socket again, even where other programs want their share of it (measured; see bench/README.md).
REQUEST_SIZE = MIB // 2
DIGEST_SIZE = 32

_ZEROES = bytes(REQUEST_SIZE)


class ChunkDigest:
    """The digest of one chunk whose pieces may arrive in any order. The caller serialises the calls."""

    def __init__(self) -> None:
        self._hasher = blake3()
        self._next = 0
        self._waiting: dict[int, bytearray | int] = {}

    def add(self, piece: int, content: bytearray | int) -> None:
        """:param piece: its number in the chunk, from 0. :param content: its bytes, or so many zeroes."""
        self._waiting[piece] = content
        while (following := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            if isinstance(following, int):
                _add_zeroes(self._hasher, following)
            else:
                self._hasher.update(following)

    def digest(self) -> bytes:
        return self._hasher.digest()


@lru_cache(maxsize=64)
def digest_of_zeroes(length: int) -> bytes:
    hasher = blake3()
    _add_zeroes(hasher, length)
    return hasher.digest()


def is_zero(data: bytearray) -> bool:
    """Whether all bytes of one request (`REQUEST_SIZE` at most) are zero; stops at the first that is not."""
    return data == (_ZEROES if len(data) == REQUEST_SIZE else _ZEROES[: len(data)])


def _add_zeroes(hasher: "blake3", length: int) -> None:
    view = memoryview(_ZEROES)
    for at in range(0, length, REQUEST_SIZE):
        hasher.update(view[: min(REQUEST_SIZE, length - at)])
