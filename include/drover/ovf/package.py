"""A package's files, in a folder or in one tar archive (OVA), read with mistrust: it may come from anywhere.

No name in it ever becomes a path of ours; what is unpacked lies under names that Drover chose.
"""

import gzip
import hashlib
import io
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from drover.errors import BadInputError, CorruptionError, OperatorNeededError
from drover.ovf import manifest
from drover.ovf.manifest import Digest

_PIECE = 1 << 20
# A descriptor or a manifest is a page of text.
_LARGEST_TEXT = 16 << 20
_ANEW = "Get the package anew from whoever made it."
# What a tar archive without extensions can say of a file's size.
_USTAR_LIMIT = 8 << 30


class _Files(Protocol):
    """:attr sizes: of each file by its name in the package."""

    sizes: dict[str, int]

    def open(self, name: str) -> IO[bytes]: ...


@dataclass(frozen=True)
class Package:
    """An opened package. :param descriptor: its text. :param digests: what its manifest says; None where it has none.

    :param signed: it has a certificate, which Drover does not check.
    """

    label: str
    descriptor: bytes
    digests: Mapping[str, Digest] | None
    signed: bool
    files: _Files

    def size(self, name: str, expected: int | None) -> int:
        """:raises CorruptionError: the file is not there, or not as long as the descriptor says."""
        found = self.files.sizes.get(name)
        if found is None:
            raise CorruptionError(f"The file '{name}' is missing in {self.label}.", remedy=_ANEW)
        if expected is not None and found != expected:
            raise CorruptionError(
                f"The file '{name}' in {self.label} has {found} bytes, but its descriptor says {expected}.",
                remedy=_ANEW,
            )
        return found

    def unpack(self, name: str, target: Path, *, gzipped: bool, limit: int) -> None:
        """Writes the file there, checking its digest on the way.

        :param limit: bytes that it may have unpacked; more is an attack or a mistake.
        :raises CorruptionError: the digest is not the manifest's, or the file ends too early.
        """
        with self._open(name) as source, open(target, "wb") as out:
            checked = _Checked(source, self._expected(name))
            try:
                reader: IO[bytes] = gzip.GzipFile(fileobj=checked) if gzipped else checked  # type: ignore[assignment]
                self._pour(name, reader, out, limit)
                checked.drain()
            except (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError):
                raise CorruptionError(f"The file '{name}' in {self.label} is damaged.", remedy=_ANEW) from None
            if not checked.right:
                raise self._altered(name)

    def check(self, name: str, data: bytes) -> None:
        """:raises CorruptionError: this is not what the manifest says."""
        digest = self._expected(name)
        if digest is not None and hashlib.new(digest.algorithm, data).hexdigest() != digest.value:
            raise self._altered(name)

    def _pour(self, name: str, reader: IO[bytes], out: IO[bytes], limit: int) -> None:
        done = 0
        while piece := reader.read(_PIECE):
            done += len(piece)
            if done > limit:
                raise BadInputError(
                    f"The file '{name}' in {self.label} unpacks to more than {limit} bytes.", remedy=_ANEW
                )
            out.write(piece)

    def _open(self, name: str) -> IO[bytes]:
        self.size(name, None)
        return self.files.open(name)

    def _expected(self, name: str) -> Digest | None:
        if self.digests is None:
            return None
        if name not in self.digests:
            raise CorruptionError(f"The manifest of {self.label} does not name the file '{name}'.", remedy=_ANEW)
        return self.digests[name]

    def _altered(self, name: str) -> CorruptionError:
        return CorruptionError(
            f"The file '{name}' in {self.label} is not what its manifest says: it was altered or damaged.", remedy=_ANEW
        )


class _Checked(io.RawIOBase):
    """A file that is digested while somebody reads it."""

    def __init__(self, source: IO[bytes], expected: Digest | None) -> None:
        self._source, self._expected = source, expected
        self._hash = hashlib.new(expected.algorithm) if expected else None

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        data = self._source.read(count)
        if self._hash:
            self._hash.update(data)
        return data

    def drain(self) -> None:
        """To the end, also what nobody wanted."""
        while self.read(_PIECE):
            pass

    @property
    def right(self) -> bool:
        return self._expected is None or self._hash is None or self._hash.hexdigest() == self._expected.value


@contextmanager
def open_package(path: Path) -> Iterator[Package]:
    """A folder, an .ovf file in one, or an .ova file.

    :raises BadInputError: it is none, or may not be trusted. :raises CorruptionError: the descriptor was altered.
    """
    if not path.exists():
        raise BadInputError(f"There is no {path}.", remedy="Name an OVA file or the folder of an OVF package.")
    if path.is_dir() or path.suffix.lower() == ".ovf":
        yield _read(f"package {path}", _Folder(path))
        return
    try:
        with tarfile.open(path, "r:*") as archive:
            yield _read(f"package {path}", _Archive(archive, f"package {path}"))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BadInputError(
            f"{path} is no whole OVA file: {str(error) or type(error).__name__}.", remedy=_ANEW
        ) from None


def _read(label: str, files: _Files) -> Package:
    descriptors = [name for name in files.sizes if name.lower().endswith(".ovf")]
    if len(descriptors) != 1:
        raise BadInputError(f"There are {len(descriptors)} descriptors (.ovf) in the {label}, not one.", remedy=_ANEW)
    stem = descriptors[0][: -len(".ovf")].lower()
    lines = next((name for name in files.sizes if name.lower() == f"{stem}.mf"), None)
    strange = [name for name in files.sizes if name.lower().endswith(".mf") and name != lines]
    if strange:
        raise BadInputError(
            f"The manifest '{strange[0]}' in the {label} does not belong to '{descriptors[0]}'.",
            remedy=_ANEW,
        )
    digests = manifest.read(_text(files, lines, label), label) if lines else None
    signed = any(name.lower() == f"{stem}.cert" for name in files.sizes)
    text = _text(files, descriptors[0], label)
    package = Package(label, text, digests, signed, files)
    package.check(descriptors[0], text)
    return package


def _text(files: _Files, name: str, label: str) -> bytes:
    if files.sizes[name] > _LARGEST_TEXT:
        raise BadInputError(f"The file '{name}' in the {label} is far too large for a text.", remedy=_ANEW)
    with files.open(name) as file:
        return file.read()


class _Folder:
    """Only what lies in the folder itself, and is a plain file."""

    def __init__(self, path: Path) -> None:
        self._folder = path if path.is_dir() else path.parent
        chosen = None if path.is_dir() else path.name
        self.sizes = {
            file.name: file.stat().st_size
            for file in sorted(self._folder.iterdir())
            if file.is_file() and not file.is_symlink()
            if chosen is None or file.suffix.lower() != ".ovf" or file.name == chosen
        }

    def open(self, name: str) -> IO[bytes]:
        return open(self._folder / name, "rb")


class _Archive:
    """:raises BadInputError: a member is no plain file, leads elsewhere, or comes twice."""

    def __init__(self, archive: tarfile.TarFile, label: str) -> None:
        self._archive = archive
        self._members: dict[str, tarfile.TarInfo] = {}
        for member in archive:
            name = member.name.removeprefix("./")
            if member.isdir() and ".." not in PurePosixPath(name).parts:
                continue
            if name.startswith("/") or ".." in PurePosixPath(name).parts or not member.isreg() or "\\" in name:
                raise BadInputError(
                    f"The {label} holds '{member.name}', which leads out of it or is no plain file.",
                    remedy="Do not trust this package.",
                )
            if name in self._members:
                raise BadInputError(f"The {label} holds '{name}' twice.", remedy="Do not trust this package.")
            self._members[name] = member
        self.sizes = {name: member.size for name, member in self._members.items()}

    def open(self, name: str) -> IO[bytes]:
        file = self._archive.extractfile(self._members[name])
        assert file is not None, name  # it is a plain file
        return file


def file_digest(path: Path) -> str:
    """SHA-256 as hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, manifest.ALGORITHM).hexdigest()


def write_archive(files: list[Path], target: Path) -> None:
    """Packs them in this order (descriptor, manifest, disks), each taken away once it is packed.

    :raises OperatorNeededError: no room is left.
    """
    plain = all(file.stat().st_size < _USTAR_LIMIT for file in files)
    try:
        with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT if plain else tarfile.GNU_FORMAT) as archive:
            for file in files:
                info = tarfile.TarInfo(file.name)
                info.size, info.mode = file.stat().st_size, 0o644
                with open(file, "rb") as source:
                    archive.addfile(info, source)
                file.unlink()
    except OSError as error:
        raise OperatorNeededError(
            f"{target} could not be written: {error.strerror}.", remedy="Make room there, or write it elsewhere."
        ) from None


def room(folder: Path, needed: int, what: str) -> None:
    """:raises OperatorNeededError: the folder's file system has less free than that."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OperatorNeededError(
            f"{what} needs {needed} bytes in {folder}, and {free} are free.", remedy="Make room there."
        )
