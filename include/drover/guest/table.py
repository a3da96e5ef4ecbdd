"""The table of a guest's files: one row a file, kept as Parquet.

filesystem  where it lies, named alike at both ends: `vda:2` (disk and partition), `vdb:0` (whole disk),
            `lvm:vg/root`
path        in that filesystem, from its root; bytes that are no UTF-8 as `\\xNN`, a backslash as `\\\\`
guest_path  as the guest's users know it, where its fstab says where the filesystem is mounted; else `path`
type        file, directory, link, fifo, char, block; or, for something without files:
            blocks (digest of all of it), swap, container (its parts have rows of their own), unreadable
size        bytes; of a device node its numbers are in `link`
mode        permission bits, in octal; uid, gid: numbers
mtime       seconds since the epoch
digest      BLAKE3, hex; of a link none
link        what a link points to; why an unreadable filesystem could not be read
xattrs      extended attributes and ACLs as JSON
"""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drover.errors import CorruptionError
from drover.evidence.files import write_durably

if TYPE_CHECKING:
    from pandas import DataFrame

Row = dict[str, Any]
_TEXT, _NUMBER = "str", "Int64"
COLUMNS = {
    "filesystem": _TEXT,
    "path": _TEXT,
    "guest_path": _TEXT,
    "type": _TEXT,
    "size": _NUMBER,
    "mode": _TEXT,
    "uid": _NUMBER,
    "gid": _NUMBER,
    "mtime": _NUMBER,
    "digest": _TEXT,
    "link": _TEXT,
    "xattrs": _TEXT,
}


def to_table(rows: Iterable[Row]) -> "DataFrame":
    """What a row does not say is empty. Sorted by filesystem and path."""
    import pandas as pd

    frame = pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(COLUMNS)
    return frame.sort_values(["filesystem", "path"], ignore_index=True)


def save(frame: "DataFrame", path: Path) -> None:
    """Writes the table atomically and durably."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    write_durably(path, buffer.getvalue())


def load(path: Path) -> "DataFrame":
    """:raises CorruptionError: it is missing or cannot be read: unknown files are never equal."""
    import pandas as pd
    from pyarrow import ArrowException

    try:
        with open(path, "rb") as file:
            frame = pd.read_parquet(file)
        return frame[list(COLUMNS)].astype(COLUMNS)
    except (OSError, ValueError, KeyError, ArrowException) as error:
        raise CorruptionError(
            f"The table of guest files {path} cannot be read ({type(error).__name__}).",
            remedy="Read the guest's files again.",
        ) from None
