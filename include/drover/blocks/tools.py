"""Running qemu's own tools: by argument list, with a deadline, and with their complaints in our words."""

import errno
import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from drover.errors import BadInputError, OperatorNeededError, RetryableError

# Seconds. An image whose server was killed a moment ago stays locked until that server has ended, too.
_DEADLINE = 120.0
_LOCK_PATIENCE = 5.0
_LOCK_LOOK = 0.05
LOCKED = "Failed to get"
# qemu's file locks (its block/file-posix.c): byte 100 and a permission's number, 1 for writing. And C's struct flock.
_QEMU_WRITES = 101
_FLOCK = "hhqqi4x"


def run_tool(argv: Sequence[str], what: str, *, deadline: float = _DEADLINE) -> str:
    """What the tool wrote to its standard output. :param what: the image it is about, for messages.

    :raises BadInputError: the tool refuses the image; :raises OperatorNeededError: the tool is not there.
    """
    until = time.monotonic() + _LOCK_PATIENCE
    while True:
        done = _run(argv, what, deadline)
        if done.returncode == 0:
            return done.stdout
        if LOCKED not in done.stderr or time.monotonic() > until:
            raise refusal(what, done.stderr)
        time.sleep(_LOCK_LOOK)


def refusal(what: str, complaint: str) -> BadInputError:
    """A tool's complaint as an error of ours."""
    if LOCKED in complaint:
        return in_use(what)
    if os.strerror(errno.ENOSPC) in complaint:
        return BadInputError(f"There is no room left for {_inside(what)}.", remedy="Make room, then try again.")
    line = next((line for line in complaint.splitlines() if line.strip()), "no reason given")
    reason = line.rpartition("': ")[2].removeprefix("qemu-img: ").removeprefix("qemu-nbd: ")
    return BadInputError(
        f"{what[:1].upper()}{what[1:]} cannot be used: {reason.strip().rstrip('.')}.",
        remedy="Check that it is a whole disk image that qemu can read.",
    )


def _inside(what: str) -> str:
    """As it stands within a sentence."""
    return f"the {what[4:]}" if what.startswith("The ") else what


def in_use(what: str) -> BadInputError:
    return BadInputError(
        f"{what} is in use by another program.", remedy="Stop the machine or the copy that uses it, then try again."
    )


def written_by_another(path: Path) -> bool:
    """Whether a qemu program has the file open for writing: it then holds a lock on the byte that stands for that."""
    question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, _QEMU_WRITES, 1, 0)
    with open(path, "rb") as file:
        answer = struct.unpack(_FLOCK, fcntl.fcntl(file, fcntl.F_OFD_GETLK, question))
    return bool(answer[0] != fcntl.F_UNLCK)


def missing_tool(name: str) -> OperatorNeededError:
    return OperatorNeededError(f"The program {name} is not installed.", remedy="Run './drover setup'.")


def _run(argv: Sequence[str], what: str, deadline: float) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=deadline
        )
    except FileNotFoundError:
        raise missing_tool(argv[0]) from None
    except subprocess.TimeoutExpired:
        raise RetryableError(
            f"{argv[0]} did not answer about {what} within {deadline:.0f} seconds.", remedy="Check its storage."
        ) from None
