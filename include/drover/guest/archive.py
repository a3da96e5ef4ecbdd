"""A tar stream as rows of the file table, each file digested on its way; nothing is kept but the rows."""

import json
import tarfile
from collections.abc import Callable, Iterator
from typing import IO

from blake3 import blake3

from drover.guest.table import Row

_BUFFER = 1 << 20
_TYPES = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "link",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "char",
    tarfile.BLKTYPE: "block",
}
_XATTRS = ("SCHILY.xattr.", "SCHILY.acl.", "RHT.security.")


def read_archive(stream: IO[bytes], beat: Callable[[], None]) -> Iterator[Row]:
    """Rows without their filesystem. Every name of a hard link carries the digest and size of the file.

    :param beat: called with every piece of work, so that a watcher sees that it goes on.
    :raises tarfile.TarError: the stream ended in the middle.
    """
    files: dict[str, Row] = {}
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_BUFFER) as archive:
        for member in archive:
            beat()
            row = _row(member)
            if member.islnk():
                # tar writes the first name with the bytes and each further one as a link to it.
                row = files[_path(member.linkname)] | {"path": row["path"]}
            elif member.isreg():
                row["digest"] = _digest(archive, member, beat)
                files[row["path"]] = row
            yield row


def printable(text: str) -> str:
    """Bytes that are no UTF-8 as `\\xNN` (and `\\` doubled, so that two names never look alike)."""
    escaped = text.replace("\\", "\\\\").encode("utf-8", "surrogateescape")
    return escaped.decode("utf-8", "backslashreplace")


def _row(member: tarfile.TarInfo) -> Row:
    kind = _TYPES.get(member.type, "file")
    link = printable(member.linkname) if member.issym() else None
    if member.isdev() and not member.isfifo():
        link = f"{member.devmajor}:{member.devminor}"
    return {
        "path": _path(member.name),
        "type": kind,
        "size": member.size if kind == "file" else 0,
        "mode": f"{member.mode & 0o7777:04o}",
        "uid": member.uid,
        "gid": member.gid,
        "mtime": int(member.mtime),
        "link": link,
        "xattrs": _xattrs(member),
    }


def _path(name: str) -> str:
    """`./etc/hosts` as `/etc/hosts`."""
    return printable("/" + name.removeprefix(".").strip("/"))


def _xattrs(member: tarfile.TarInfo) -> str | None:
    found = {
        printable(key): printable(str(value)) for key, value in member.pax_headers.items() if key.startswith(_XATTRS)
    }
    return json.dumps(found, sort_keys=True, ensure_ascii=False) if found else None


def _digest(archive: tarfile.TarFile, member: tarfile.TarInfo, beat: Callable[[], None]) -> str:
    hasher = blake3()
    content = archive.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name} has no content")
    while piece := content.read(_BUFFER):
        hasher.update(piece)
        beat()
    return str(hasher.hexdigest())
