"""What an image file is: its format, its size, and which state of it this is.

A format that is found by looking is found in bytes that a guest may have written. An image that names further files
(a backing file, extents elsewhere) is therefore only followed when the caller names the format: a guest must not
choose which of the host's files we read.
"""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drover.blocks.tools import run_tool
from drover.errors import BadInputError

SECTOR = 512
_KNOWN = frozenset({"raw", "qcow2", "vmdk", "vhdx", "vpc", "vdi", "qed", "qcow", "parallels"})
# No disk is this small; a file that is, and does not end with a sector, is something else.
_SMALLEST_TORN = 64 << 10
_HEAD = 4096
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"(\xb5/\xfd": "zstd",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf": "7-Zip",
}


@dataclass(frozen=True, slots=True)
class Image:
    """:param size: what a guest sees, bytes; of a raw file its exact length, although a guest sees whole sectors.
    :param version: changes whenever one of its files is written; empty for a block device, which cannot tell.
    """

    path: Path
    format: str
    size: int
    version: str

    @property
    def label(self) -> str:
        return f"image {self.path}"

    @property
    def torn(self) -> bool:
        """Whether it ends within a sector, as no whole disk does."""
        return self.size % SECTOR != 0


def probe(path: Path, format: str | None = None) -> Image:
    """:param format: as qemu names it; None: found by looking.

    :raises BadInputError: it is not there, cannot be read, or is no disk image.
    """
    path = Path(os.path.realpath(path))
    label = f"image {path}"
    facts = _readable(path, label)
    if format is None:
        _refuse_packed(path)
    info = _info(path, format, label)
    if info["format"] not in _KNOWN:
        raise BadInputError(
            f"The {label} is of the format {info['format']}, which Drover does not copy.",
            remedy=f"Convert it to one of {', '.join(sorted(_KNOWN))} first.",
        )
    size = int(info["virtual-size"])
    if info["format"] == "raw" and stat.S_ISREG(facts.st_mode):
        size = facts.st_size
        _refuse_nonsense(path, size, format)
    files = [path, *_others(path, info, label, trusted=format is not None)]
    return Image(path, info["format"], size, version(files))


def version(files: list[Path]) -> str:
    """Device, inode, length and time of writing of each file; empty where one is not a regular file."""
    states = [os.stat(file) for file in files]
    if not all(stat.S_ISREG(state.st_mode) for state in states):
        return ""
    return " ".join(f"{s.st_dev}:{s.st_ino}:{s.st_size}:{s.st_mtime_ns}" for s in states)


def _readable(path: Path, label: str) -> os.stat_result:
    try:
        facts = os.stat(path)
        if stat.S_ISREG(facts.st_mode) or stat.S_ISBLK(facts.st_mode):
            with open(path, "rb"):
                return facts
    except OSError as error:
        raise BadInputError(
            f"The {label} cannot be opened: {error.strerror}.", remedy="Check the path and its permissions."
        ) from None
    kind = "a folder" if stat.S_ISDIR(facts.st_mode) else "no file"
    raise BadInputError(f"{path} is {kind}, not a disk image.", remedy="Name the image file itself.")


def _refuse_packed(path: Path) -> None:
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise BadInputError(f"{path} is packed with {name}.", remedy="Unpack it first.")


def _refuse_nonsense(path: Path, size: int, format: str | None) -> None:
    if size == 0:
        raise BadInputError(f"{path} is empty, not a disk image.", remedy="Name an image that holds a disk.")
    if size % SECTOR and format is None and (size < _SMALLEST_TORN or _is_text(path)):
        raise BadInputError(
            f"{path} is not a disk image: qemu knows no format of it, and it is not made of whole sectors.",
            remedy="Name a disk image; of a raw disk that was cut off, say the format 'raw'.",
        )


def _is_text(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    try:
        text = head[:-4].decode()
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in "\r\n\t\f" for char in text)


def _info(path: Path, format: str | None, label: str) -> dict[str, Any]:
    # An absolute path: qemu would take `a:b` for the protocol a.
    argv = ["qemu-img", "info", "--output=json", *(["-f", format] if format else []), str(path)]
    info: dict[str, Any] = json.loads(run_tool(argv, f"The {label}"))
    return info


def _others(path: Path, info: dict[str, Any], label: str, *, trusted: bool) -> list[Path]:
    """The further files that the image is made of."""
    named = list(_named(info))
    # The plain case of VMware: a descriptor and its data beside it.
    outside = [name for name in named if Path(os.path.realpath(path.parent / name)).parent != path.parent]
    backing = info.get("backing-filename")
    if not trusted and (backing or outside):
        raise BadInputError(
            f"The {label} lies upon another file, {backing or outside[0]}, and may have been made to read it.",
            remedy="Name its format to say that you trust it, or make it whole with 'qemu-img convert' first.",
        )
    if backing:
        chain = json.loads(
            run_tool(["qemu-img", "info", "--output=json", "--backing-chain", "-f", info["format"], str(path)], label)
        )
        named += [link["filename"] for link in chain[1:]]
    return [found for name in named if (found := Path(os.path.realpath(path.parent / name))) != path]


def _named(info: dict[str, Any]) -> Iterator[str]:
    data = info.get("format-specific", {}).get("data", {})
    yield from (extent["filename"] for extent in data.get("extents", ()))
    if "data-file" in data:
        yield data["data-file"]
