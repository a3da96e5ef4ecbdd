"""A datastore's file as an NBD export: what nbdkit's python plugin calls. It runs in nbdkit's process, not in ours.

nbdkit's own curl plugin can neither hold a server to one certificate (a thumbprint), nor log in again when somebody
ends the session, nor have several requests under way. This one asks over Drover's own verified connections, and for
the login through a socket, so that no secret is in a file, an argument or an environment.

:param settings: path of a JSON file; `folder.py` writes it.
"""

import errno
import json
import queue
import socket
import time
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import nbdkit  # type: ignore[import-not-found]  # nbdkit brings it along

from drover.errors import DroverError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.vsphere.http import Http
from drover.hypervisors.vsphere.tls import trust_of

API_VERSION = 2
# Seconds between tries, growing up to this; and without a byte, after which a connection counts as broken.
_PAUSE = 5.0
_SILENCE = 60.0
_state: dict[str, Any] = {}


def thread_model() -> int:
    model: int = nbdkit.THREAD_MODEL_PARALLEL
    return model


def config(key: str, value: str) -> None:
    if key != "settings":
        raise ValueError(key)
    _state.update(json.loads(Path(value).read_text()))


def after_fork() -> None:
    spec = ConnectionSpec(id="", kind="vsphere", host=_state["host"], port=_state["port"], extra=_state["extra"])
    _state["cookie"] = _ask({"ask": "cookie"})
    _state["http"] = Http(spec.host, _state["port"], trust_of(spec), lambda: str(_state["cookie"]), _renew)
    # A thread of nbdkit's keeps nothing between two calls, so connections are handed on.
    _state["idle"] = queue.LifoQueue()


def open(_readonly: bool) -> int:  # noqa: A001  nbdkit's name for it
    return 1


def get_size(_handle: int) -> int:
    return int(_state["size"])


def can_multi_conn(_handle: int) -> bool:
    return True


def pread(_handle: int, buffer: Any, offset: int, _flags: int) -> None:
    """Tries again while the server does not answer; what cannot be read at all is told to Drover, and is an error."""
    until, pause = time.monotonic() + float(_state["patience"]), 0.1
    while True:
        try:
            buffer[:] = _fetch(offset, len(buffer))
            return
        except RetryableError as error:
            if time.monotonic() > until:
                _fail(error)
        except DroverError as error:
            _fail(error)
        time.sleep(pause)
        pause = min(pause * 2, _PAUSE)


def _fetch(offset: int, length: int) -> bytes:
    line = _line()
    http: Http = _state["http"]
    wanted = f"bytes={offset}-{offset + length - 1}"
    try:
        with http.open("GET", _state["path"], headers={"Range": wanted}, connection=line) as answer:
            data = answer.read()
            said = answer.headers.get("Content-Range", "")
    except BaseException:
        line.close()
        raise
    if said != f"{wanted.replace('=', ' ')}/{_state['size']}" or len(data) != length:
        line.close()
        raise RetryableError(
            f"{http.host} gave {len(data)} bytes ('{said}') where {length} were asked for ({wanted}).",
            remedy="Find out whether somebody resizes the disk, or what is between Drover and the server.",
        )
    _state["idle"].put(line)
    return data


def _line() -> HTTPSConnection:
    try:
        found: HTTPSConnection = _state["idle"].get_nowait()
    except queue.Empty:
        found = _state["http"].connection(timeout=_SILENCE)
    return found


def _fail(error: DroverError) -> None:
    kind = RetryableError if isinstance(error, RetryableError) else type(error)
    _ask({"failed": kind.__name__, "message": error.message, "remedy": error.remedy})
    nbdkit.set_error(errno.EIO)
    raise error


def _renew() -> None:
    _state["cookie"] = _ask({"ask": "renew"})


def _ask(question: dict[str, str]) -> str:
    """One line to Drover, one line back."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_SILENCE * 2)
        line.connect(_state["keeper"])
        line.sendall(json.dumps(question).encode() + b"\n")
        answer = line.makefile().readline()
    if not answer:
        raise RetryableError("Drover gave no login.", remedy="Look into the log of the worker.")
    return str(json.loads(answer))
