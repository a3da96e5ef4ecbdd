"""The seal of a backup: the file that is written last and says what belongs to it, by size and digest.

A backup without its seal is a killed try, or was removed. The seal carries a digest of its own, so that nobody builds
on one that was altered.
"""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from drover.errors import CorruptionError
from drover.evidence.files import write_durably

SEAL = "backup.json"
MACHINE = "machine.json"
DEFINITION = "definition.native"
MANIFESTS = "manifests"
IMAGE = ".qcow2"

Facts = dict[str, Any]

_DIGEST = "sha256"
# Images are large, and this is several times as fast.
_IMAGE_DIGEST = "blake3"


def write(folder: Path, facts: Facts) -> Facts:
    """Makes the backup a finished one; returns what was written."""
    sealed = {**facts, _DIGEST: _digest(facts)}
    write_durably(folder / SEAL, json.dumps(sealed, indent=2).encode())
    return sealed


def read(folder: Path) -> Facts | None:
    """The facts of a finished backup, or None where it was not finished.

    :raises CorruptionError: it says that it is finished, and cannot be read or was altered.
    """
    try:
        data = (folder / SEAL).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return parse(data, folder / SEAL)


def parse(data: bytes, where: object) -> Facts:
    """:param where: for the message. :raises CorruptionError: it is no seal, or one that was altered."""
    try:
        facts: Facts = json.loads(data)
        kept = facts[_DIGEST]
        whole = kept == _digest({key: value for key, value in facts.items() if key != _DIGEST})
        whole = whole and all(map(_stays_inside, facts["files"]))
    except (ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        raise CorruptionError(
            f"The backup's seal {where} cannot be read, or was altered.",
            remedy="Keep the backup for whoever looks into it; nothing may be built on it.",
        )
    return facts


def _digest(facts: Facts) -> str:
    plain = json.dumps(facts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def files(folder: Path) -> dict[str, Facts]:
    """Everything in the folder with size and digest, as it will be sealed."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): _facts(path, images=True) for path in paths}


def altered(folder: Path, facts: Facts, *, images: bool) -> list[str]:
    """The files that are gone or not what was sealed.

    :param images: also read the images through; else their size is what tells.
    """
    return [name for name, file in facts["files"].items() if not _is_as_sealed(folder / name, file, images=images)]


def _facts(path: Path, *, images: bool) -> Facts:
    size = {"bytes": path.stat().st_size}
    if path.suffix != IMAGE:
        return {**size, _DIGEST: hashlib.sha256(path.read_bytes()).hexdigest()}
    return {**size, _IMAGE_DIGEST: image_digest(path)} if images else size


def image_digest(path: Path) -> str:
    """BLAKE3 of a file, whatever its size."""
    from blake3 import blake3

    digest = blake3(max_threads=blake3.AUTO)
    return str(digest.update_mmap(path).hexdigest())


def _is_as_sealed(path: Path, sealed: Facts, *, images: bool) -> bool:
    try:
        now = _facts(path, images=images)
    except OSError:
        return False
    # A digest that is missing is a failure, never a pass.
    return all(sealed.get(key) == value for key, value in now.items())


def _stays_inside(name: str) -> bool:
    """Whoever can write to the repository must not have other files read or removed."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
