"""Disk images with content that can be told apart, and other people's NBD servers with faults on demand."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drover.blocks.endpoint import Endpoint

MIB = 1 << 20


def make_raw(path: Path, size: int, data: list[tuple[int, int]], seed: int = 1) -> Path:
    """A sparse file of `size` bytes with random bytes in the (offset, length) ranges of `data`."""
    source = random.Random(seed)
    with open(path, "wb") as file:
        file.truncate(size)
        for offset, length in data:
            file.seek(offset)
            file.write(source.randbytes(length))
    return path


def overwrite(path: Path, offset: int, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def flip(path: Path, offset: int) -> None:
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0xFF]))


def convert(source: Path, target: Path, format: str) -> Path:
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", format, source, target], check=True)
    return target


def qemu_io(path: Path, format: str, *commands: str) -> None:
    """Writes into an image as a guest would, whatever its format."""
    arguments = [part for command in commands for part in ("-c", command)]
    done = subprocess.run(["qemu-io", "-f", format, *arguments, path], capture_output=True, text=True, check=True)
    assert "error" not in done.stdout.lower() + done.stderr.lower(), done.stdout + done.stderr


class Server:
    """An nbdkit that this test process owns."""

    def __init__(self, process: "subprocess.Popen[bytes]", endpoint: Endpoint) -> None:
        self.process = process
        self.endpoint = endpoint

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def nbdkit(folder: Path, name: str, *arguments: str, version: str = "", size: int = 0) -> Iterator[Server]:
    path = folder / f"{name}.sock"
    process = subprocess.Popen(["nbdkit", "--foreground", "--exit-with-parent", "--unix", str(path), *arguments])
    endpoint = Endpoint(f"nbd+unix:///?socket={path}", name, read_only=False, size=size, version=version)
    server = Server(process, endpoint)
    try:
        _wait_for(path, process)
        yield server
    finally:
        server.kill()
        path.unlink(missing_ok=True)


def _wait_for(path: Path, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.connect(str(path))
            return
        time.sleep(0.01)
    raise AssertionError("nbdkit does not come up")
