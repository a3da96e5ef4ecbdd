"""Backups in an object store: carried there, read back, and fetched again, each file held against the seal.

What speaks to the store is handed in: any fsspec filesystem. Airflow's connections give it (`drover.object_stores`).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from drover.backups import seal
from drover.backups.seal import IMAGE, SEAL, Facts
from drover.errors import BadInputError, CorruptionError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.staging import require_room, staging_folder
from drover.private_folder import PrivateFolder

_PIECE = 8 << 20
_UPLOADS = 2
# Stores of buckets take folders for granted; asked for one, they may make the bucket, which a slip had named.
_BUCKETS = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"))
# Who else can open an address: name -> callable(url) -> Objects. Airflow's object storage is one of them.
_OPENERS = "drover.object_stores"


class FileSystem(Protocol):
    """The part of an fsspec filesystem that backups need."""

    protocol: str | tuple[str, ...]

    def invalidate_cache(self) -> None: ...
    def info(self, path: str) -> dict[str, Any]: ...
    def find(self, path: str) -> list[str]: ...
    def cat_file(self, path: str) -> bytes: ...
    def open(self, path: str, mode: str) -> Any: ...
    def pipe_file(self, path: str, value: bytes) -> Any: ...
    def put_file(self, lpath: str, rpath: str) -> Any: ...
    def get_file(self, rpath: str, lpath: str) -> Any: ...
    def rm_file(self, path: str) -> Any: ...
    def makedirs(self, path: str, exist_ok: bool) -> Any: ...


class Objects:
    """A place in an object store. :param url: as in the wave file. :param root: the filesystem's own path of it."""

    def __init__(self, url: str, files: FileSystem, root: str) -> None:
        self.url = url.rstrip("/")
        self._files = files
        self._root = root.rstrip("/")

    def read(self, key: str) -> bytes | None:
        """All of a small object, or None where there is none."""
        with self._told(key):
            try:
                return self._files.cat_file(self._path(key))
            except FileNotFoundError:
                return None

    def size(self, key: str) -> int | None:
        with self._told(key):
            self._files.invalidate_cache()
            try:
                return int(self._files.info(self._path(key))["size"])
            except FileNotFoundError:
                return None

    def write(self, key: str, data: bytes) -> None:
        with self._told(key), self._writing(key):
            self._files.pipe_file(self._path(key), data)

    def put(self, file: Path, key: str) -> None:
        with self._told(key), self._writing(key):
            self._files.put_file(str(file), self._path(key))

    def get(self, key: str, file: Path) -> None:
        """:raises FileNotFoundError: there is no such object."""
        with self._told(key):
            self._files.get_file(self._path(key), str(file))

    def digest(self, key: str, digest: Any) -> str | None:
        """Of the whole object, read anew; None where there is none. :param digest: a new one, as hashlib makes it."""
        with self._told(key):
            try:
                with self._files.open(self._path(key), "rb") as stream:
                    for piece in iter(partial(stream.read, _PIECE), b""):
                        digest.update(piece)
            except FileNotFoundError:
                return None
        return str(digest.hexdigest())

    def remove(self, key: str) -> None:
        """Does nothing where there is none."""
        with self._told(key):
            try:
                self._files.rm_file(self._path(key))
            except FileNotFoundError:
                return

    def keys(self, under: str = "") -> list[str]:
        with self._told(under):
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._path(under) if under else self._root)
            except FileNotFoundError:
                return []
        start = self._root.strip("/") + "/"
        return sorted(path.strip("/").removeprefix(start) for path in found)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    @contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        """A store that is a folder after all wants its folders first."""
        protocol = self._files.protocol
        if _BUCKETS.isdisjoint((protocol,) if isinstance(protocol, str) else protocol):
            self._files.makedirs(self._path(key).rpartition("/")[0], exist_ok=True)
        try:
            yield
        except FileNotFoundError as error:
            raise OperatorNeededError(
                f"There is nowhere to write {self.url}/{key}: its bucket or container is not there.",
                remedy="Look at its name in backup.repository, or make it; Drover makes none.",
            ) from error

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        where = f"{self.url}/{key}".rstrip("/")
        try:
            yield
        except (DroverError, FileNotFoundError):
            raise
        except PermissionError as error:
            raise OperatorNeededError(
                f"The object store refuses us at {where} ({type(error).__name__}).",
                remedy="Look at the rights of its connection's login.",
            ) from error
        # Each store has errors of its own; their words may quote a login, so only their kind is told.
        except Exception as error:
            raise RetryableError(
                f"The object store did not do what it was asked at {where} ({type(error).__name__}).",
                remedy="See whether it answers; this is tried again.",
            ) from error


def open_objects(url: str) -> Objects:
    """:raises BadInputError: nobody here knows such an address."""
    from importlib.metadata import entry_points

    for point in sorted(entry_points(group=_OPENERS), key=lambda point: point.name):
        objects: Objects | None = point.load()(url)
        if objects is not None:
            return objects
    raise BadInputError(
        f"No object store is known for '{url}'.",
        remedy="Install the Airflow provider of that store, as apache-airflow-providers-amazon for s3.",
    )


class ObjectShelf:
    """One backup in an object store. :param names: of its place there: wave, run, machine."""

    def __init__(self, objects: Objects, *names: str) -> None:
        self._objects = objects
        self._place = "/".join(names)

    @property
    def label(self) -> str:
        return f"{self._objects.url}/{self._place}"

    def finished(self) -> bool:
        return self._objects.size(self._key(SEAL)) is not None

    def seal(self) -> Facts | None:
        data = self._objects.read(self._key(SEAL))
        return None if data is None else seal.parse(data, f"{self.label}/{SEAL}")

    def wrong_parts(self, facts: Facts, disks: set[str]) -> list[str]:
        wrong = [name for name, file in facts["files"].items() if not self._is_as_sealed(name, file)]
        if not wrong and disks != set(facts["digests"]):
            return ["a disk is missing"]
        return wrong

    def _is_as_sealed(self, name: str, file: Facts) -> bool:
        if name.endswith(IMAGE):
            return self._objects.size(self._key(name)) == int(file["bytes"])
        data = self._objects.read(self._key(name))
        return data is not None and file == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    @contextmanager
    def local(self) -> Iterator[Path]:
        facts = self.seal()
        assert facts is not None, "asked only of a finished backup"
        private = PrivateFolder("fetched-", staging_folder())
        folder = private.path / "backup"
        try:
            folder.mkdir()
            require_room(folder, sum(file["bytes"] for file in facts["files"].values()), f"The backup {self.label}")
            for name in facts["files"]:
                self._fetch(name, folder / name)
            if wrong := seal.altered(folder, facts, images=True):
                raise CorruptionError(
                    f"The backup {self.label} is not whole: {', '.join(wrong)}.",
                    remedy="Keep it for whoever looks into it, and use another backup of this machine.",
                )
            yield folder
        finally:
            private.close()

    def _fetch(self, name: str, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._objects.get(self._key(name), file)
        except FileNotFoundError:
            # What is missing is told together with what was altered.
            file.unlink(missing_ok=True)

    def put(self, folder: Path) -> None:
        """Carries a finished backup there: each file is read back, the seal goes last.

        :raises CorruptionError: what comes back is not what was sent.
        """
        facts = seal.read(folder)
        assert facts is not None, "asked only of a finished backup"
        for name, file in facts["files"].items():
            self._carry(folder / name, name, file)
        data = (folder / SEAL).read_bytes()
        self._objects.write(self._key(SEAL), data)
        if self._objects.read(self._key(SEAL)) != data:
            self._objects.remove(self._key(SEAL))
            raise self._altered_on_the_way(SEAL)

    def _carry(self, path: Path, name: str, file: Facts) -> None:
        """What a killed try carried is found whole, or carried again."""
        for _ in range(_UPLOADS):
            if self._holds(name, file):
                return
            self._objects.put(path, self._key(name))
        if not self._holds(name, file):
            raise self._altered_on_the_way(name)

    def _holds(self, name: str, file: Facts) -> bool:
        if self._objects.size(self._key(name)) != file["bytes"]:
            return False
        kind, digest = _digest_of(name)
        return self._objects.digest(self._key(name), digest) == str(file[kind])

    def _altered_on_the_way(self, name: str) -> CorruptionError:
        return CorruptionError(
            f"The object {self._key(name)} in {self._objects.url} is not what was sent there.",
            remedy="Look at the store; without a backup that is whole the machine is not moved.",
        )

    def discard_unfinished(self) -> None:
        """What a killed try left; a finished backup is never touched."""
        if not self.finished():
            for key in self._objects.keys(self._place):
                self._objects.remove(key)

    def read(self, name: str) -> bytes | None:
        return self._objects.read(self._key(name))

    def write(self, name: str, data: bytes) -> None:
        self._objects.write(self._key(name), data)

    def remove(self, name: str) -> None:
        self._objects.remove(self._key(name))

    def tidy(self) -> None:
        """An object store has no folders."""

    def _key(self, name: str) -> str:
        return f"{self._place}/{name}"


def _digest_of(name: str) -> tuple[str, Any]:
    if not name.endswith(IMAGE):
        return "sha256", hashlib.sha256()
    from blake3 import blake3

    return "blake3", blake3()
