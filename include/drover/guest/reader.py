"""The process that reads a guest's files, apart from its caller: `drover.guest.files` starts, watches and ends it.

Standard input: one line of JSON, `[{"disks": {name: NBD URI}, "table": path}, ...]`, one for each machine that is to be
read (both ends of a move, say); its end means that the caller is gone.
Standard output: lines of JSON: `{"beat": n}` while it goes on, `{"launched": true}` once, and at most one of
`{"error": ...}` and `{"apart": true}`, which means that these machines must be read one at a time. The tables go into
the files.
"""

import json
import os
import signal
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, TypeVar

from blake3 import blake3

from drover.errors import DroverError
from drover.guest.appliance import appliance, by_themselves, filesystems
from drover.guest.archive import read_archive
from drover.guest.mounts import Filesystem, mountpoints
from drover.guest.table import Row, save, to_table

T = TypeVar("T")

# What has no files that we could list, but bytes that we can digest.
_NO_FILES = {"", "crypto_LUKS", "BitLocker", "zfs_member", "bcache", "ceph_bluestore", "VMFS_volume_member"}
_BEAT_SECONDS = 0.5
_PIECE = 1 << 20
_LONGEST_FSTAB = 1 << 16


class Beat:
    """Says that work goes on, twice a second at most."""

    def __init__(self) -> None:
        self._count = 0
        self._due = 0.0

    def __call__(self) -> None:
        self._count += 1
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _BEAT_SECONDS
            say({"beat": self._count})


def say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def main() -> int:
    orders = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_caller, daemon=True).start()
    beat = Beat()
    try:
        with appliance([uri for order in orders for uri in order["disks"].values()]) as handle:
            say({"launched": True})
            machines = _machines(handle, [list(order["disks"]) for order in orders], beat)
            if len(orders) > 1 and not all(map(by_themselves, machines)):
                say({"apart": True})
                return 0
            tables = [list(read(handle, found, beat)) for found in machines]
    except DroverError as error:
        say({"error": error.message, "remedy": error.remedy})
        return 1
    except RuntimeError as error:  # the only error that libguestfs' binding raises
        say({"error": _first_line(error)})
        return 1
    for order, rows in zip(orders, tables, strict=True):
        save(to_table(rows), Path(order["table"]))
    return 0


def _machines(handle: Any, disks: list[list[str]], beat: Callable[[], None]) -> list[list[Filesystem]]:
    """What each machine has. :param disks: each machine's disks by name, in the appliance's order."""
    found, first = [], 0
    for names in disks:
        found.append(filesystems(handle, names, beat, first=first, alone=len(disks) == 1))
        first += len(names)
    return found


def _end_with_caller() -> None:
    """The appliance is in this process group; killed together, none of it outlives a killed caller."""
    sys.stdin.read()
    os.killpg(0, signal.SIGKILL)


def read(handle: Any, found: list[Filesystem], beat: Callable[[], None]) -> Iterator[Row]:
    """The rows of everything in these filesystems of one machine."""
    tables: dict[str, str] = {}
    rows: dict[str, list[Row]] = {}
    for filesystem in found:
        try:
            rows[filesystem.key] = list(_read_one(handle, filesystem, beat, tables))
        except (RuntimeError, OSError, tarfile.TarError) as error:
            reason = f"{filesystem.type or 'unknown'}: {_first_line(error)}"
            rows[filesystem.key] = [{"path": "", "type": "unreadable", "size": filesystem.size, "link": reason}]
    points = mountpoints(tables, found)
    for key, several in rows.items():
        point = points.get(key, "/").rstrip("/")
        for row in several:
            # A row for a whole filesystem has no path, so that no allow-list ever matches it.
            guest_path = (point + row["path"]).rstrip("/") or "/" if row["path"] else ""
            yield row | {"filesystem": key, "guest_path": guest_path}


def _read_one(handle: Any, filesystem: Filesystem, beat: Callable[[], None], tables: dict[str, str]) -> Iterator[Row]:
    if filesystem.type in ("swap", "container"):
        yield {"path": "", "type": filesystem.type, "size": filesystem.size}
    elif filesystem.type in _NO_FILES:
        digest = _through_pipe(lambda path: handle.download(filesystem.device, path), lambda pipe: _digest(pipe, beat))
        yield {"path": "", "type": "blocks", "size": filesystem.size, "digest": digest}
    else:
        handle.mount_ro(filesystem.device, "/")
        try:
            if handle.is_file("/etc/fstab") and handle.filesize("/etc/fstab") <= _LONGEST_FSTAB:
                tables[filesystem.key] = handle.read_file("/etc/fstab").decode("utf-8", "replace")
            yield from _through_pipe(
                lambda path: handle.tar_out("/", path, numericowner=True, xattrs=True, acls=True, selinux=True),
                lambda pipe: list(read_archive(pipe, beat)),
            )
        finally:
            handle.umount_all()


def _through_pipe(write: Callable[[str], None], take: Callable[[IO[bytes]], T]) -> T:
    """libguestfs writes into one end in a thread of its own; what it fails with is raised here, whatever was read."""
    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def fill() -> None:
        try:
            write(f"/dev/fd/{writing}")
        except RuntimeError as error:
            failures.append(error)
        finally:
            os.close(writing)

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        with os.fdopen(reading, "rb") as pipe:
            taken = take(pipe)
            while pipe.read(_PIECE):  # the padding after the archive's end; a closed pipe would fail the writer
                pass
    finally:
        filler.join()
        if failures:
            raise failures[0]
    return taken


def _digest(pipe: IO[bytes], beat: Callable[[], None]) -> str:
    hasher = blake3()
    while piece := pipe.read(_PIECE):
        hasher.update(piece)
        beat()
    return str(hasher.hexdigest())


def _first_line(error: BaseException) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    # All that libguestfs says when tar in the appliance went on to the end, but met what it could not read.
    return "it is damaged, some of its files cannot be read" if "file receive cancelled" in line else line


if __name__ == "__main__":
    sys.exit(main())
