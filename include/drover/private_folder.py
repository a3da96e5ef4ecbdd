"""A folder for sockets and small secrets that only this user can enter, and that does not outlive its owner for long.

A lock in it is held while the owner lives. Whoever makes the next one removes those whose lock nobody holds.
"""

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_LOCK = "lock"
# Seconds that a folder without a holder is left alone: its owner may be about to take its lock.
_YOUNG = 60.0


class PrivateFolder:
    """:param prefix: of its name; no other kind of folder may have one that begins with it."""

    def __init__(self, prefix: str, base: Path) -> None:
        remove_orphans(prefix, base)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=base))
        self._lock = open(self.path / _LOCK, "wb")  # noqa: SIM115  held until `close`, or until the process ends
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def remove_orphans(prefix: str, base: Path) -> None:
    """Removes this user's folders whose owner is gone. What has no lock is somebody else's, or just being made."""
    for folder in base.glob(f"{prefix}*"):
        with suppress(OSError):
            facts = folder.lstat()
            if facts.st_uid == os.getuid() and time.time() - facts.st_mtime > _YOUNG:
                _remove(folder)


def _remove(folder: Path) -> None:
    handle = os.open(folder / _LOCK, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)
