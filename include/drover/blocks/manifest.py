"""The manifest of a disk: the digest of every chunk, compact in memory, Parquet on disk."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from drover.blocks.digest import DIGEST_SIZE
from drover.blocks.ranges import Range, merged
from drover.errors import CorruptionError

if TYPE_CHECKING:
    import pandas

__all__ = ["Manifest", "Range", "differences"]

_REMEDY = "Make it anew by reading the disk again; without it nothing can be compared."
_FACTS = (b"drover.size", b"drover.chunk_size", b"drover.root")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The BLAKE3 digests of a disk, chunk by chunk.

    :param size: of the disk, bytes.
    :param chunk_size: bytes; chunk i is [i * chunk_size, min(size, (i + 1) * chunk_size)).
    :param digests: 32 bytes a chunk, one behind the other.
    """

    size: int
    chunk_size: int
    digests: bytes

    def __post_init__(self) -> None:
        if self.size < 0 or self.chunk_size <= 0 or len(self.digests) != DIGEST_SIZE * self.chunks:
            raise CorruptionError(
                f"A manifest of {self.size} bytes in chunks of {self.chunk_size} bytes needs {self.chunks} digests "
                f"and has {len(self.digests) // DIGEST_SIZE}.",
                remedy=_REMEDY,
            )

    @property
    def chunks(self) -> int:
        return -(-self.size // self.chunk_size)

    @property
    def root(self) -> str:
        """One digest for the whole disk: BLAKE3 over all digests and the size (8 bytes, little-endian), as hex."""
        return str(blake3(self.digests + self.size.to_bytes(8, "little")).hexdigest())

    def range(self, chunk: int) -> Range:
        offset = chunk * self.chunk_size
        return Range(offset, min(self.chunk_size, self.size - offset))

    def digest(self, chunk: int) -> bytes:
        return self.digests[chunk * DIGEST_SIZE : (chunk + 1) * DIGEST_SIZE]

    def save(self, path: Path) -> None:
        """Writes `offset`, `length` and `digest` (hex) a chunk, atomically and durably."""
        import pyarrow.parquet

        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                pyarrow.parquet.write_table(self._table(), file, compression="zstd")
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """:raises CorruptionError: it is missing, cannot be read or does not hold together: never a pass."""
        import pyarrow.parquet

        try:
            # Through an open file: pyarrow takes a path for a folder of files or a URI where it looks like one.
            with open(path, "rb") as file:
                return cls._from_table(pyarrow.parquet.read_table(file))
        except FileNotFoundError:
            raise CorruptionError(f"There is no manifest {path}.", remedy=_REMEDY) from None
        except (OSError, ValueError, KeyError, TypeError, pyarrow.ArrowException) as error:
            raise CorruptionError(
                f"The manifest {path} cannot be read ({type(error).__name__}).", remedy=_REMEDY
            ) from None

    def to_frame(self) -> "pandas.DataFrame":
        """Columns `offset`, `length` (bytes) and `digest` (hex), a row a chunk."""
        import pandas

        return pandas.DataFrame(self._columns())

    def _columns(self) -> dict[str, Any]:
        # A large disk has millions of chunks: nothing here may be done chunk by chunk.
        lengths = [self.chunk_size] * self.chunks
        if lengths:
            lengths[-1] = self.range(self.chunks - 1).length
        return {
            "offset": list(range(0, self.size, self.chunk_size)),
            "length": lengths,
            "digest": self.digests.hex(" ", DIGEST_SIZE).split(),
        }

    def _table(self) -> Any:
        import pyarrow

        schema = pyarrow.schema(
            [("offset", pyarrow.int64()), ("length", pyarrow.int64()), ("digest", pyarrow.string())],
            metadata=dict(zip(_FACTS, (str(self.size), str(self.chunk_size), self.root), strict=True)),
        )
        return pyarrow.table(self._columns(), schema=schema)

    @classmethod
    def _from_table(cls, table: Any) -> "Manifest":
        metadata = table.schema.metadata or {}
        size, chunk_size, root = (metadata[fact].decode() for fact in _FACTS)
        columns = table.to_pydict()
        manifest = cls(int(size), int(chunk_size), bytes.fromhex("".join(columns["digest"])))
        if columns != manifest._columns() or manifest.root != root:
            raise ValueError("offsets, lengths, digests and root do not belong together")
        return manifest


def differences(first: Manifest, second: Manifest) -> list[Range]:
    """The byte ranges in which they differ, to the chunk; where one is longer, its tail is a difference.

    :raises CorruptionError: their chunks have different sizes, so that nothing can be said.
    """
    if first.chunk_size != second.chunk_size:
        raise CorruptionError(
            f"Manifests with chunks of {first.chunk_size} and of {second.chunk_size} bytes cannot be compared.",
            remedy="Read one of the disks again with the other's chunk size.",
        )
    if first == second:
        return []
    longer, shorter = (first, second) if first.size >= second.size else (second, first)
    ranges = [longer.range(chunk) for chunk in range(shorter.chunks) if longer.digest(chunk) != shorter.digest(chunk)]
    return merged([*ranges, Range(shorter.size, longer.size - shorter.size)])
