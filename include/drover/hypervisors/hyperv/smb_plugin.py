"""A file on a Windows share as an NBD export: what nbdkit's python plugin calls. It runs in nbdkit's process.

It is asked for one thing at a time, as the SMB library keeps its books without locks. Where and what to log in with it
asks Drover, over a socket: no secret is in a file, an argument or an environment.

:param keeper: path of that socket; `smb.py` listens there.
"""

import errno
import json
import socket
from typing import Any

import nbdkit  # type: ignore[import-not-found]  # nbdkit brings it along

from drover.errors import DroverError
from drover.hypervisors.hyperv.smb_client import RemoteFile, Share

API_VERSION = 2
_SECONDS = 120.0
_state: dict[str, Any] = {}


def thread_model() -> int:
    model: int = nbdkit.THREAD_MODEL_SERIALIZE_ALL_REQUESTS
    return model


def config(key: str, value: str) -> None:
    if key != "keeper":
        raise ValueError(key)
    _state["keeper"] = value


def after_fork() -> None:
    told = _ask({"ask": "file"})
    writable = bool(told.pop("writable"))
    path = told.pop("path")
    try:
        _state["file"] = RemoteFile(Share(**told), path, writable=writable)
    except DroverError as error:
        _fail(error)


def open(_readonly: bool) -> int:  # noqa: A001  nbdkit's name for it
    return 1


def get_size(_handle: int) -> int:
    return int(_state["file"].size)


def can_write(_handle: int) -> bool:
    return bool(_state["file"].writable)


def can_flush(_handle: int) -> bool:
    return bool(_state["file"].writable)


def can_multi_conn(_handle: int) -> bool:
    return True


def pread(_handle: int, buffer: Any, offset: int, _flags: int) -> None:
    try:
        buffer[:] = _state["file"].read(offset, len(buffer))
    except DroverError as error:
        _fail(error)


def pwrite(_handle: int, buffer: Any, offset: int, _flags: int) -> None:
    try:
        _state["file"].write(offset, bytes(buffer))
    except DroverError as error:
        _fail(error)


def flush(_handle: int, _flags: int) -> None:
    try:
        _state["file"].flush()
    except DroverError as error:
        _fail(error)


def unload() -> None:
    if "file" in _state:
        _state["file"].close()


def _fail(error: DroverError) -> None:
    _ask({"failed": type(error).__name__, "message": error.message, "remedy": error.remedy})
    nbdkit.set_error(errno.EIO)
    raise error


def _ask(question: dict[str, str]) -> dict[str, Any]:
    """One line to Drover, one line back."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_SECONDS)
        line.connect(_state["keeper"])
        line.sendall(json.dumps(question).encode() + b"\n")
        answer: dict[str, Any] = json.loads(line.makefile().readline())
    return answer
