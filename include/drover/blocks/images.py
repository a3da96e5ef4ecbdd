"""Image files as NBD exports: a qemu-nbd of our own for each, on a socket that only this user can reach."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from drover.blocks.endpoint import Endpoint
from drover.blocks.probe import Image, probe
from drover.blocks.tools import LOCKED, in_use, missing_tool, refusal, run_tool, written_by_another
from drover.errors import BadInputError, OperatorNeededError, RetryableError
from drover.model import DiskFormat
from drover.private_folder import PrivateFolder

# Seconds: until the server must answer; until it must have ended, its caches written.
_READY = 30.0
_ENDED = 120.0
_LOOK = 0.01
_LOCK_PATIENCE = 5.0
_CLIENTS = 16
_GREETING = b"NBDMAGIC"
_PREFIX = "drover-nbd-"
_LONGEST_FOLDER = 60

_OPTIONS = {DiskFormat.VHD: ["-o", "force_size=on"]}  # else qemu rounds the size up to a disk geometry


@contextmanager
def serve_image(
    path: Path, *, format: DiskFormat | str | None, read_only: bool, direct: bool = False
) -> Iterator[Endpoint]:
    """Serves an image while the context lasts, decoded: its export is what a guest would see.

    The server ends with the context, and with the thread that entered it, however that ends (SIGKILL included).

    :param format: None: found by looking, with the care that `probe` describes.
    :param direct: read past the host's page cache, where its file system can.
    :raises BadInputError: it is no image, or in use. :raises RetryableError: the server does not come up.
    """
    with serve(probe(Path(path), format), read_only=read_only, direct=direct) as endpoint:
        yield endpoint


@contextmanager
def serve(image: Image, *, read_only: bool, direct: bool = False) -> Iterator[Endpoint]:
    """`serve_image` for an image that was probed already."""
    _wait_for_writers(image)
    with private_folder() as folder:
        process = _start(image, folder, read_only=read_only, direct=direct)
        try:
            yield Endpoint(
                uri=f"nbd+unix:///?socket={quote(str(folder / 'nbd.sock'))}",
                label=image.label,
                read_only=read_only,
                size=image.size,
                version=image.version,
            )
        except BaseException:
            _end(process)
            raise
        if _end(process) != 0 and not read_only:
            raise OperatorNeededError(
                f"The server of {image.label} did not end well: {_last_words(folder)}.",
                remedy="Check the storage that the image lies on; what was written may not be whole.",
            )


def create_image(path: Path, format: DiskFormat, size: int) -> None:
    """A new, empty image that takes up no room yet. :param size: bytes, whole sectors.

    :raises BadInputError: something is there already, or the folder cannot be written.
    """
    if os.path.lexists(path):
        raise BadInputError(f"{path} is there already.", remedy="Choose another name, or move it away.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BadInputError(f"The folder {path.parent} cannot be written.", remedy="Make it, or choose another one.")
    options = _OPTIONS.get(format, [])
    run_tool(["qemu-img", "create", "-q", "-f", format, *options, str(path.absolute()), str(size)], f"image {path}")


def _wait_for_writers(image: Image) -> None:
    """qemu-nbd shares a raw image with whoever writes to it (a guest, say), and would serve it half written.

    :raises BadInputError: someone writes to it. What a killed copy left needs a moment to end.
    """
    until = time.monotonic() + _LOCK_PATIENCE
    while written_by_another(image.path):
        if time.monotonic() > until:
            raise in_use(f"The {image.label}")
        time.sleep(_LOOK)


def _start(image: Image, folder: Path, *, read_only: bool, direct: bool) -> "subprocess.Popen[bytes]":
    until = time.monotonic() + _READY
    while True:
        with open(folder / "log", "wb") as log:
            process = _spawn(_command(image, folder, read_only=read_only, direct=direct), log.fileno())
        try:
            _wait_ready(process, folder / "nbd.sock", until, image)
            return process
        except _Ended:
            words = (folder / "log").read_text(errors="replace")
            # The server of a copy that was killed a moment ago may still be writing out what it had.
            if LOCKED not in words or time.monotonic() > until - _READY + _LOCK_PATIENCE:
                raise refusal(f"The {image.label}", words) from None
            time.sleep(_LOOK * 10)
        except BaseException:
            _end(process)
            raise


class _Ended(Exception):
    """The server ended before it answered."""


def _command(image: Image, folder: Path, *, read_only: bool, direct: bool) -> list[str]:
    past_cache = direct and _can_be_direct(image.path)
    return [
        # Ends with us, also when we are killed: what is left of a SIGKILL must not keep the image locked. A writer is
        # asked, so that it leaves a clean image.
        *("setpriv", "--pdeathsig", "KILL" if read_only else "TERM"),
        *("qemu-nbd", "--persistent", "--socket", str(folder / "nbd.sock"), "--shared", str(_CLIENTS)),
        *("--format", image.format),
        # Writes go through the page cache and are made safe by the flushes of the mover. Reading past the cache
        # shows what the storage holds; only then can the kernel's own asynchronous reads be used.
        *(("--cache", "none", "--aio", "native") if past_cache else ("--cache", "writeback", "--aio", "threads")),
        # Zeroes are found by the mover, which tells them as such: looking again would be a second pass over the data.
        *("--discard", "unmap", "--detect-zeroes", "off"),
        *(["--read-only"] if read_only else []),
        str(image.path),
    ]


def _spawn(argv: list[str], log: int) -> "subprocess.Popen[bytes]":
    if shutil.which("qemu-nbd") is None:
        raise missing_tool("qemu-nbd")
    try:
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    except FileNotFoundError:
        raise missing_tool(argv[0]) from None


def _wait_ready(process: "subprocess.Popen[bytes]", path: Path, until: float, image: Image) -> None:
    while (left := until - time.monotonic()) > 0:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.settimeout(left)
            client.connect(str(path))
            # Not only listening, but at work: between the two, qemu-nbd forgets a signal to end.
            if client.recv(len(_GREETING)) == _GREETING:
                return
        if process.poll() is not None:
            raise _Ended
        time.sleep(_LOOK)
    raise RetryableError(f"The server of {image.label} does not come up.", remedy="Check the load of this machine.")


def _end(process: "subprocess.Popen[bytes]") -> int:
    process.terminate()
    try:
        return process.wait(_ENDED)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _last_words(folder: Path) -> str:
    lines = (folder / "log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it gave no reason"


def _can_be_direct(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return False
    return True


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for socket and log that only this user may enter; it goes at the end, or when its owner was killed."""
    base = tempfile.gettempdir()
    base = base if len(base) <= _LONGEST_FOLDER else "/tmp"  # a socket's path has 107 characters at most
    folder = PrivateFolder(_PREFIX, Path(base))
    try:
        yield folder.path
    finally:
        folder.close()
