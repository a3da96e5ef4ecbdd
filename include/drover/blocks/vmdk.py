"""Stream-optimised VMDK: the packed form in which VMware's own tools and leases carry disks."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import serve_image
from drover.blocks.nbd_client import Connection
from drover.blocks.ranges import Range
from drover.blocks.tools import missing_tool, refusal
from drover.errors import CorruptionError
from drover.model import DiskFormat, Progress


def pack(source: Endpoint, target: Path, *, progress: Callable[[Progress], None]) -> None:
    """Writes the disk there, read once; holes take up nothing. An unfinished file is taken away again.

    :raises BadInputError: qemu-img refuses; its reason is in the message.
    """
    with Connection(source) as connection:
        size = source.size or connection.size
    argv = ["qemu-img", "convert", "-p", "-f", "raw", "-O", "vmdk", "-o", "subformat=streamOptimized"]
    try:
        _run([*argv, source.uri, str(target)], Progress(f"{source.label}, packed", 0, size), progress)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _run(argv: list[str], begun: Progress, progress: Callable[[Progress], None]) -> None:
    # Ends with us, also when we are killed: nobody would take its half file away.
    argv = ["setpriv", "--pdeathsig", "KILL", *argv]
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
    except FileNotFoundError:
        raise missing_tool("qemu-img") from None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        while text := os.read(process.stdout.fileno(), 4096):  # "    (42.00/100%)\r", again and again
            figure = text.rpartition(b"(")[2].partition(b"/")[0]
            if figure.replace(b".", b"").isdigit():
                progress(Progress(begun.label, int(begun.total * float(figure) / 100), begun.total))
        complaint = process.stderr.read().decode(errors="replace")
        if process.wait() != 0:
            raise refusal(begun.label, complaint)
    finally:
        process.kill()
        process.wait()


def populated(source: Endpoint) -> int:
    """Bytes that are not known to be zero."""
    with Connection(source) as connection:
        size = source.size or connection.size
        return sum(part.length for part, zero in connection.zeroes(Range(0, size)) if not zero)


def require_same(source: Endpoint, packed: Path, *, progress: Callable[[Progress], None]) -> None:
    """Reads both. :raises CorruptionError: the file does not hold what the disk does."""
    from drover.blocks.compare import compare
    from drover.blocks.ranges import spell
    from drover.blocks.throttle import Throttle

    with serve_image(packed, format=DiskFormat.VMDK, read_only=True) as found:
        result = compare(source, found, throttle=Throttle(), progress=progress)
    if not result.equal:
        raise CorruptionError(
            f"{packed} does not hold what {source.label} does: {spell(result.differences)} differ.",
            remedy="Check the storage that it lies on, then pack it anew.",
        )
