"""Files that are whole or not there at all, and folder names that are safe for any machine or run."""

import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drover.errors import BadInputError

_LONGEST = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def safe_name(name: str) -> str:
    """One folder name for any text: the same text always gives the same name, different texts different ones.

    What had to be changed carries `~` and a digest; `~` itself is never kept, so no other text can spell such a name.
    """
    readable = _UNSAFE.sub("_", name)[:_LONGEST]
    if readable == name and name and not name.startswith("."):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{readable.lstrip('.')}~{digest}"


def inside(folder: Path, *parts: str) -> Path:
    """A path below `folder`. :raises BadInputError: a part would lead out of it."""
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\0" in part:
            raise BadInputError(
                f"{part!r} cannot be part of a path in the evidence.",
                remedy="Turn the name into a safe one before it becomes a file name.",
            )
    return folder.joinpath(*parts)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Readers see the old content or the new one, never a part. Makes missing folders.

    :param durable: on the disk, and not only in the page cache, when this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """`write_atomically`, and safe against a power cut once it returns."""
    write_atomically(path, data, mode=mode, durable=True)


def sync_folder(folder: Path) -> None:
    """A new name in a folder survives a power cut only when the folder itself is synced."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One holder at a time, over threads and processes; the kernel lets go when a holder is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
