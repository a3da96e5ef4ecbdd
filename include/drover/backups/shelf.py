"""Where one backup lies: a folder, or (`drover.backups.objects`) a place in an object store."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from drover.backups import contents, seal
from drover.backups.objects import ObjectShelf, open_objects
from drover.backups.seal import Facts
from drover.evidence.files import sync_folder, write_durably


class Shelf(Protocol):
    """The place of one backup. :attr label: what a person calls it."""

    @property
    def label(self) -> str: ...

    def finished(self) -> bool:
        """Whether there is a seal; it is not looked into."""
        ...

    def seal(self) -> Facts | None:
        """:raises CorruptionError: the backup says that it is finished, and its seal cannot be read."""
        ...

    def wrong_parts(self, facts: Facts, disks: set[str]) -> list[str]:
        """What keeps the backup from being whole, the images not read. :param disks: that it must hold."""
        ...

    def local(self) -> AbstractContextManager[Path]:
        """All of a finished backup as a folder of this machine, to be read only."""
        ...

    # One by one, for whoever removes it

    def read(self, name: str) -> bytes | None: ...
    def write(self, name: str, data: bytes) -> None: ...
    def remove(self, name: str) -> None:
        """Does nothing where there is none."""
        ...

    def tidy(self) -> None:
        """Removes what is empty now."""
        ...


class FolderShelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def label(self) -> str:
        return str(self.folder)

    def finished(self) -> bool:
        return (self.folder / seal.SEAL).exists()

    def seal(self) -> Facts | None:
        return seal.read(self.folder)

    def wrong_parts(self, facts: Facts, disks: set[str]) -> list[str]:
        return contents.wrong_parts(self.folder, facts, disks)

    @contextmanager
    def local(self) -> Iterator[Path]:
        yield self.folder

    def read(self, name: str) -> bytes | None:
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        write_durably(self.folder / name, data)

    def remove(self, name: str) -> None:
        path = self.folder / name
        if path.exists():
            path.unlink()
            # The order of removals must survive a power cut.
            sync_folder(path.parent)

    def tidy(self) -> None:
        """The folders of manifests, machine, run and wave; whatever else lies there is not ours."""
        for folder in (self.folder / seal.MANIFESTS, self.folder, *list(self.folder.parents)[:2]):
            with suppress(OSError):
                folder.rmdir()


def open_shelf(backup: str) -> Shelf:
    """:param backup: the place of one machine's backup, as a person names it: a folder, or an object store's address.

    :raises BadInputError: nobody here knows such an address.
    """
    if "://" not in backup:
        return FolderShelf(Path(backup).absolute())
    url, _, name = backup.rstrip("/").rpartition("/")
    return ObjectShelf(open_objects(url), name)
