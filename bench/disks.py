"""The three disks that are measured: random, compressible, sparse."""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drover.errors import OperatorNeededError

MIB = 1 << 20
KINDS = ("random", "compressible", "sparse")
_TMPFS = Path("/dev/shm")
_WORDS = [b"journal", b"tick", b"disk", b"evacuate", b"0000", b"\0" * 8, b"datacenter", b"wave"]


@contextmanager
def workspace(needed: int) -> Iterator[Path]:
    """A folder in memory where `needed` bytes have room, so that no disk's mood is measured; else in /var/tmp."""
    base = next((base for base in (_TMPFS, Path("/var/tmp")) if _room(base) > needed * 1.1), None)
    if base is None:
        raise OperatorNeededError(
            f"The benchmark needs {needed / 2**30:.1f} GiB of memory or disk.",
            remedy="Make room, or give a smaller --size.",
        )
    folder = Path(tempfile.mkdtemp(prefix="drover-bench-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _room(base: Path) -> int:
    if not base.is_dir():
        return 0
    free = shutil.disk_usage(base).free
    if base == _TMPFS:
        # A tmpfs promises what the machine may not have.
        pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return min(free, pages)
    return free


def make(kind: str, path: Path, size: int) -> Path:
    """:param kind: one of KINDS. A sparse disk holds a sixteenth of its size, spread over it."""
    source = random.Random(7)
    with open(path, "wb") as file:
        file.truncate(size)
        for offset in range(0, size, MIB):
            if kind == "sparse" and (offset // MIB) % 16:
                continue
            file.seek(offset)
            length = min(MIB, size - offset)
            file.write(_text(source, length) if kind == "compressible" else source.randbytes(length))
    return path


def _text(source: random.Random, length: int) -> bytes:
    line = b" ".join(source.choices(_WORDS, k=200)) + b"\n"
    return (line * (length // len(line) + 1))[:length]
