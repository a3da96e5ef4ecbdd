"""Disks of a host as NBD exports: nbdkit gives out the file's bytes over SMB, and qemu-nbd what they mean."""

import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from drover.blocks.images import private_folder
from drover.blocks.tools import missing_tool
from drover.errors import CorruptionError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv.smb_client import Share
from drover.model import DiskFormat

# Not a module to import here: nbdkit does.
_PLUGIN = Path(__file__).with_name("smb_plugin.py")
_PACKAGES = Path(__file__).parents[3]
_READY = 60.0
_ENDED = 120.0
_CLIENTS = 16
_GREETING = b"NBDMAGIC"


@contextmanager
def serve(share: Share, path: str, format: DiskFormat, *, writable: bool) -> Iterator[str]:
    """Serves a disk while the context lasts, decoded; gives its NBD URI.

    :param path: on the host.
    :raises DroverError: in place of what the reader of the export was told, where the host was the reason.
    """
    with private_folder() as folder, _Keeper(folder / "keeper.sock", share, path, writable) as keeper:
        try:
            with (
                _raw(folder, path, keeper, writable=writable) as raw,
                _decoded(folder, path, raw, format, keeper, writable=writable) as uri,
            ):
                yield uri
        except DroverError as error:
            if keeper.failure is not None and not isinstance(error, CorruptionError):
                raise keeper.failure from error
            raise


@contextmanager
def _raw(folder: Path, path: str, keeper: "_Keeper", *, writable: bool) -> Iterator[str]:
    argv = ["setpriv", "--pdeathsig", "KILL", "nbdkit", "--foreground", "--newstyle", "--unix", str(folder / "raw")]
    argv += [] if writable else ["--readonly"]
    argv += ["python", str(_PLUGIN), f"keeper={keeper.path}"]
    # The plugin imports Drover; nbdkit brings the distribution's Python, of which ours is a virtual environment.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGES), *filter(None, sys.path)])}
    with _running(argv, folder / "raw", path, keeper, environment):
        yield _uri(folder / "raw")


@contextmanager
def _decoded(
    folder: Path, path: str, raw: str, format: DiskFormat, keeper: "_Keeper", *, writable: bool
) -> Iterator[str]:
    # A writer is asked to end, so that it leaves a clean image. The format is given, never probed: a guest could write
    # another format's header into its disk.
    argv = ["setpriv", "--pdeathsig", "TERM" if writable else "KILL", "qemu-nbd", "--persistent"]
    argv += ["--socket", str(folder / "disk"), "--shared", str(_CLIENTS), "--format", format.value]
    argv += ["--cache", "writeback", "--discard", "ignore", "--detect-zeroes", "off"]
    argv += [] if writable else ["--read-only"]
    with _running([*argv, raw], folder / "disk", path, keeper, None) as process:
        yield _uri(folder / "disk")
    if process.returncode != 0 and writable:
        raise OperatorNeededError(
            f"The server of {path} did not end well: {_last_words(folder / 'disk')}.",
            remedy="Check the storage that the disk lies on; what was written may not be whole.",
        )


def _uri(path: Path) -> str:
    return f"nbd+unix:///?socket={quote(str(path))}"


@contextmanager
def _running(
    argv: Sequence[str], sock: Path, what: str, keeper: "_Keeper", environment: dict[str, str] | None
) -> Iterator["subprocess.Popen[bytes]"]:
    with open(sock.with_suffix(".log"), "wb") as log:
        try:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        except FileNotFoundError:
            raise missing_tool(argv[0]) from None
    try:
        _wait_ready(process, sock, what, keeper)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_ENDED)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: "subprocess.Popen[bytes]", sock: Path, what: str, keeper: "_Keeper") -> None:
    until = time.monotonic() + _READY
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.settimeout(_READY)
            client.connect(str(sock))
            if client.recv(len(_GREETING)) == _GREETING:
                return
        if keeper.failure is not None:
            raise keeper.failure
        if process.poll() is not None:
            raise OperatorNeededError(
                f"The server for {what} did not start: {_last_words(sock)}.",
                remedy="See whether the disk is whole; './drover setup' installs nbdkit and its python plugin.",
            )
        time.sleep(0.01)
    raise RetryableError(f"The server for {what} does not come up.", remedy="Check the load of this machine.")


def _last_words(sock: Path) -> str:
    lines = sock.with_suffix(".log").read_text(errors="replace").strip().splitlines()
    return lines[-1].rstrip(".") if lines else "it gave no reason"


class _Keeper:
    """Tells the plugin where the file is and how to log in, and hears why it failed."""

    def __init__(self, path: Path, share: Share, file: str, writable: bool) -> None:
        self.path = path
        self.failure: DroverError | None = None
        self._file = {**asdict(share), "path": file, "writable": writable}
        keeper = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(ValueError, OSError):
                    self.wfile.write(json.dumps(keeper.answer(json.loads(self.rfile.readline()))).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self._server.daemon_threads = True

    def answer(self, question: dict[str, str]) -> dict[str, Any]:
        if "failed" in question:
            kind = RetryableError if question["failed"] == RetryableError.__name__ else OperatorNeededError
            self.failure = kind(question["message"], remedy=question["remedy"])
            return {}
        return self._file

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="smb login", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
