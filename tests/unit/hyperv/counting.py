"""A guest of one sector: it counts, ten times a second, and writes each number to its disk. It goes on where it was."""

import re
import subprocess
import tempfile
from pathlib import Path

from drover_lab.process import wait_until

_PLACE = 1024  # bytes from the disk's beginning: its third sector
_CODE = bytes.fromhex(
    "31c0 8ed8 8ec0 8ed0 bc007c"  # ds = es = ss = 0, sp = 0x7c00
    "b80102 bb0080 b90300 ba8000 cd13"  # read the third sector to 0x8000
    "66ff060080"  # again: add one to the number there
    "b80103 bb0080 b90300 ba8000 cd13"  # write it
    "b486 b90100 baa086 cd15"  # wait 0x186a0 microseconds
    "ebe1"  # and again
)


def install(vhdx: Path, code: bytes = _CODE) -> None:
    """On the disk of a machine of generation 1 that is off. :param code: of another guest."""
    with tempfile.NamedTemporaryFile() as sector:  # its name has no spaces
        sector.write(code.ljust(510, b"\0") + b"\x55\xaa")
        sector.flush()
        _io(vhdx, "vhdx", f"write -s {sector.name} 0 512", writable=True)


def number(path: Path, kind: str = "vhdx", *, at: int = _PLACE) -> int:
    """The number on the disk. :param kind: of the file, which a machine may be writing to."""
    found = re.search(r":  ((?:[0-9a-f]{2} ){4})", _io(path, kind, f"read -v {at} 16"))
    assert found, path
    return int.from_bytes(bytes.fromhex(found[1]), "little")


def counts(path: Path, kind: str = "vhdx") -> int:
    """Waits until it has counted on. :returns: how far it is."""
    before = number(path, kind)
    wait_until("the guest counts", lambda: number(path, kind) > before, deadline=60, interval=0.05)
    return number(path, kind)


def _io(path: Path, kind: str, order: str, *, writable: bool = False) -> str:
    command = ["qemu-io", *([] if writable else ["-r", "-U"]), "-f", kind, "-c", order, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "failed" not in done.stdout + done.stderr, done.stderr
    return done.stdout
