"""The journal of a copy: which chunks are on the target's stable storage, so that a retry need not read them again.

    header:  MAGIC, length (4 bytes), JSON, checksum (8 bytes)
    record:  chunk index (8 bytes), digest (32 bytes), checksum (8 bytes)

The header binds it to source, version of the source, target, size and chunk size; a record's checksum covers the
header too. A torn or foreign tail is cut off. Records are written after the target was flushed, never before.
"""

import fcntl
import json
import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from blake3 import blake3

from drover.blocks.digest import DIGEST_SIZE
from drover.errors import OperatorNeededError

_MAGIC = b"DROVERJ1"
_LENGTH = struct.Struct("<I")
_INDEX = struct.Struct("<Q")
_CHECK = 8
_RECORD = _INDEX.size + DIGEST_SIZE + _CHECK


class Journal:
    """An open journal. Opening keeps what an earlier try wrote for the same binding, and drops all else.

    :param binding: what it is a journal of; every value must be the same for the records to count.
    """

    def __init__(self, path: Path, binding: Mapping[str, str | int]) -> None:
        self._path = path
        header = _header(binding)
        self._key = blake3(header).digest()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._failure(error) from None
        try:
            self._lock()
            self.chunks = self._recover(header)
        except BaseException as error:
            os.close(self._file)
            if isinstance(error, OSError):
                raise self._failure(error) from None
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorNeededError(
                f"Another copy is at work with the journal {self._path}.", remedy="Wait until it is done, or stop it."
            ) from None

    def append(self, chunks: Iterable[tuple[int, bytes]]) -> None:
        """Chunks (index, digest) that a flush of the target has made safe."""
        records = bytearray()
        for index, digest in chunks:
            body = _INDEX.pack(index) + digest
            records += body + self._checksum(body)
        try:
            self._write(records)
        except OSError as error:
            raise self._failure(error) from None

    def _write(self, data: bytes | bytearray) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def _recover(self, header: bytes) -> dict[int, bytes]:
        """Index and digest of every whole record; the file is left where the next record goes."""
        with open(self._path, "rb") as file:
            content = file.read()
        if not content.startswith(header):
            os.ftruncate(self._file, 0)
            self._write(header)
            return {}
        found: dict[int, bytes] = {}
        at = len(header)
        while (end := at + _RECORD) <= len(content):
            body, checksum = content[at : end - _CHECK], content[end - _CHECK : end]
            if self._checksum(body) != checksum:
                break
            found[_INDEX.unpack_from(body)[0]] = body[_INDEX.size :]
            at = end
        os.ftruncate(self._file, at)
        os.lseek(self._file, at, os.SEEK_SET)
        return found

    def _checksum(self, body: bytes) -> bytes:
        return bytes(blake3(body, key=self._key).digest(_CHECK))

    def _failure(self, error: OSError) -> OperatorNeededError:
        return OperatorNeededError(
            f"The journal {self._path} cannot be kept: {error.strerror}.",
            remedy="Make room for it or correct its folder's permissions, then try again.",
        )


def read_binding(path: Path) -> dict[str, str | int] | None:
    """What the journal at `path` is bound to; None where there is no journal that can be read."""
    try:
        content = path.read_bytes()[:65536]
        start = len(_MAGIC) + _LENGTH.size
        (length,) = _LENGTH.unpack_from(content, len(_MAGIC))
        binding: dict[str, str | int] = json.loads(content[start : start + length])
        return binding if content.startswith(_header(binding)) else None
    except (OSError, ValueError, struct.error):
        return None


def _header(binding: Mapping[str, str | int]) -> bytes:
    text = json.dumps(dict(binding), sort_keys=True).encode()
    body = _MAGIC + _LENGTH.pack(len(text)) + text
    return body + bytes(blake3(body).digest(_CHECK))
