"""The target of `./drover copy`: made when it is not there, gone on with when it is ours, and else left alone."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from drover.blocks.digest import CHUNK_SIZE
from drover.blocks.endpoint import Endpoint
from drover.blocks.ends import Address
from drover.blocks.images import create_image, serve
from drover.blocks.journal import Journal, read_binding
from drover.blocks.mover import binding
from drover.blocks.probe import Image, probe
from drover.errors import BadInputError
from drover.model import DiskFormat

_SUFFIXES = {
    ".raw": DiskFormat.RAW,
    ".img": DiskFormat.RAW,
    ".qcow2": DiskFormat.QCOW2,
    ".vmdk": DiskFormat.VMDK,
    ".vhdx": DiskFormat.VHDX,
    ".vhd": DiskFormat.VHD,
    ".vpc": DiskFormat.VHD,
}


@dataclass(frozen=True, slots=True)
class Target:
    """:param journal: what a retry resumes from; removed by the caller once the copy is verified.
    :param identity: the inode of the file that we made, so that another file of its name is never taken for it.
    :param fresh: nothing but copies of this state of the source ever wrote to it.
    """

    end: Address | Image
    journal: Path
    identity: str = ""
    fresh: bool = False

    @contextmanager
    def writer(self) -> Iterator[Endpoint]:
        if isinstance(self.end, Address):
            yield Endpoint(uri=self.end.uri, label=self.end.label, read_only=False)
            return
        with serve(self.end, read_only=False) as endpoint:
            yield endpoint

    @contextmanager
    def reader(self) -> Iterator[Endpoint]:
        """For an image: another process than the writer, which reads past the page cache where that is possible."""
        if isinstance(self.end, Address):
            yield Endpoint(uri=self.end.uri, label=self.end.label)
            return
        with serve(self.end, read_only=True, direct=True) as endpoint:
            yield endpoint


def prepare(end: Path | Address, format: DiskFormat | None, source: Endpoint, size: int) -> Target:
    """:param size: of the source, bytes.

    :raises BadInputError: something is there that no interrupted copy of this source made.
    """
    if isinstance(end, Address):
        name = blake3(f"{source.label}\0{end.uri}".encode()).hexdigest(16)
        return Target(end, _state_folder() / "copies" / f"{name}.journal")
    path = Path(os.path.realpath(end.parent)) / end.name
    journal = path.parent / f".{path.name}.drover-journal"
    bound = _refuse_foreign(path, journal, source) if os.path.lexists(path) else None
    chosen = format or _format_of(path)
    if bound is not None:
        image = probe(path, chosen)
        if image.size == size:
            same = bool(source.version) and bound.get("version") == source.version
            return Target(image, journal, _identity(path), fresh=same)
        path.unlink()  # ours, of a state of the source that had another size
    _make(path, journal, chosen, source, size)
    return Target(probe(path, chosen), journal, _identity(path), fresh=True)


def _make(path: Path, journal: Path, format: DiskFormat, source: Endpoint, size: int) -> None:
    """Made aside and then given its name: killed at any point, the journal knows whether the file is ours."""
    aside = path.parent / f".{path.name}.drover-new"
    if not path.parent.is_dir():
        raise BadInputError(f"There is no folder {path.parent}.", remedy="Make it, or choose another target.")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        create_image(aside / path.name, format, size)
        journal.unlink(missing_ok=True)
        bound = binding(source, f"image {path}", size, CHUNK_SIZE, _identity(aside / path.name))
        with Journal(journal, bound):
            pass
        os.rename(aside / path.name, path)
    except OSError as error:
        raise BadInputError(
            f"The target {path} cannot be made: {error.strerror}.", remedy="Check its folder, or choose another one."
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _refuse_foreign(path: Path, journal: Path, source: Endpoint) -> dict[str, str | int]:
    """What the journal beside our own unfinished target is bound to."""
    bound = read_binding(journal)
    if path.is_symlink() or bound is None or bound.get("identity") != _identity(path):
        raise BadInputError(
            f"{path} is there already, and no interrupted copy made it.",
            remedy="Choose another target, or move it away; Drover overwrites nothing.",
        )
    if bound.get("source") != source.label:
        raise BadInputError(
            f"{path} is an unfinished copy of another source, {bound.get('source')}.",
            remedy=f"Finish that copy, or remove {path} and {journal}.",
        )
    return bound


def _identity(path: Path) -> str:
    facts = os.stat(path, follow_symlinks=False)
    return f"{facts.st_dev}:{facts.st_ino}"


def _format_of(path: Path) -> DiskFormat:
    format = _SUFFIXES.get(path.suffix.lower())
    if format is None:
        raise BadInputError(
            f"The name {path.name} does not say which format the target is to have.",
            remedy=f"Name it with --format, or end the name with one of {', '.join(_SUFFIXES)}.",
        )
    return format


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(base) / "drover"
