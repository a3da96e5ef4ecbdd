"""Files of a datastore as local NBD exports: nbdkit, our plugin in it, and whoever gives that plugin its login."""

import json
import logging
import os
import random
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from drover.blocks.images import private_folder
from drover.blocks.tools import missing_tool
from drover.errors import CorruptionError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.vsphere.http import AnsweredError, Http, folder_url
from drover.hypervisors.vsphere.session import Session

log = logging.getLogger(__name__)

# Not a module to import here: nbdkit does.
_PLUGIN = Path(__file__).with_name("folder_plugin.py")
_PACKAGES = Path(__file__).parents[3]
# Seconds that a read waits for a server that is gone, before it fails and the whole step is tried again.
PATIENCE = 60.0
_READY = 30.0
# How often a file is asked for whose server answers with a failure of its own, and seconds between.
_TRIES, _PAUSE = 3, 2.0
_THREADS = 8
_GREETING = b"NBDMAGIC"
# How many places that are said to be empty are looked at, and how much of each.
_PROBES, _PROBE = 24, 64 << 10
_TRUST_FIELDS = ("thumbprint", "ca_file", "ca", "verify_certificate")


@dataclass(frozen=True, slots=True)
class DataFile:
    """:param datacenter: its inventory path. :param path: within the datastore. :param size: bytes.

    All three names as the server keeps them (see names.py).
    """

    datacenter: str
    datastore: str
    path: str
    size: int

    @property
    def url(self) -> str:
        return folder_url(self.datacenter, self.datastore, self.path)


def why_not(session: Session, file: DataFile) -> str | None:
    """Why this file cannot be read in parts; None where it can.

    :raises RetryableError: the line broke, which says nothing about the file. An ESXi host answers 500 where the file
        is locked, and a vCenter that is busy does, too: an answer that stays so is a reason.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            with session.http().open("GET", file.url, headers={"Range": "bytes=0-511"}) as answer:
                answer.read(512)
                status, said = answer.status, answer.headers.get("Content-Range", "")
                break
        except OperatorNeededError as error:
            return error.message.rstrip(".")
        except AnsweredError as error:
            if not tries_left:
                return error.message.rstrip(".")
            time.sleep(_PAUSE)
    if status != 206:
        return f"{session.name} gives the file only as a whole"
    if said.rpartition("/")[2] != str(file.size):
        return f"the file has {said.rpartition('/')[2] or 'an unknown number of'} bytes, not {file.size}"
    return None


def truly_empty(session: Session, file: DataFile, data: Sequence[tuple[int, int]]) -> bool:
    """Looks at places that are in none of these ranges: whether they are zero, as the platform says they are.

    What it calls empty is not read, and so a list that forgets something would lose data without anybody's notice.
    """
    holes, at = [], 0
    for offset, length in [*sorted(data), (file.size, 0)]:
        if offset > at:
            holes.append((at, offset - at))
        at = max(at, offset + length)
    if not holes:
        return True
    http = session.http()
    line = http.connection()
    try:
        for offset, length in random.choices(holes, [length for _, length in holes], k=min(_PROBES, 4 * len(holes))):
            count = min(_PROBE, length)
            start = offset + random.randrange(length - count + 1)
            wanted = {"Range": f"bytes={start}-{start + count - 1}"}
            with http.open("GET", file.url, headers=wanted, connection=line) as answer:
                if answer.read().count(0) != count:
                    return False
    finally:
        line.close()
    return True


@contextmanager
def serve(session: Session, file: DataFile, data: Sequence[tuple[int, int]] | None) -> Iterator[str]:
    """Serves the file read-only while the context lasts; gives its NBD URI.

    :param data: ranges (offset, length) that hold data, the rest being zero; None where nobody knows.
    :raises DroverError: in place of what the reader of the export was told, where the server was the reason.
    """
    with private_folder() as folder, _Keeper(session, folder / "keeper.sock") as keeper:
        process = _start(session, file, data, folder)
        try:
            yield f"nbd+unix:///?socket={quote(str(folder / 'nbd.sock'))}"
        except DroverError as error:
            if keeper.failure is not None and not isinstance(error, CorruptionError):
                raise keeper.failure from error
            raise
        finally:
            process.terminate()
            process.wait()


def _start(
    session: Session, file: DataFile, data: Sequence[tuple[int, int]] | None, folder: Path
) -> "subprocess.Popen[bytes]":
    extra = {key: session.spec.extra[key] for key in _TRUST_FIELDS if key in session.spec.extra}
    settings = {
        "host": session.name,
        "port": session.port,
        "extra": extra,
        "path": file.url,
        "size": file.size,
        "keeper": str(folder / "keeper.sock"),
        "patience": PATIENCE,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    argv = ["setpriv", "--pdeathsig", "KILL", "nbdkit", "--foreground", "--readonly", "--newstyle"]
    argv += ["--unix", str(folder / "nbd.sock"), "--threads", str(_THREADS)]
    if data is not None:
        (folder / "extents").write_text("".join(f"{offset} {length}\n" for offset, length in data))
        argv += ["--filter=extentlist"]
    argv += ["python", str(_PLUGIN), f"settings={folder / 'settings.json'}"]
    argv += [f"extentlist={folder / 'extents'}"] if data is not None else []
    # The plugin imports Drover; nbdkit brings the distribution's Python, of which ours is a virtual environment.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_PACKAGES), *filter(None, sys.path)])}
    with open(folder / "log", "wb") as log_file:
        try:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log_file, stderr=log_file, env=environment
            )
        except FileNotFoundError:
            raise missing_tool("nbdkit") from None
    _wait_ready(process, folder, file)
    return process


def _wait_ready(process: "subprocess.Popen[bytes]", folder: Path, file: DataFile) -> None:
    until = time.monotonic() + _READY
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
            client.settimeout(_READY)
            client.connect(str(folder / "nbd.sock"))
            if client.recv(len(_GREETING)) == _GREETING:
                return
        if process.poll() is not None:
            words = (folder / "log").read_text(errors="replace").strip().splitlines()
            raise OperatorNeededError(
                f"The server for {file.path} did not start: {words[-1] if words else 'it gave no reason'}.",
                remedy="Run './drover setup'; it installs nbdkit and its python plugin.",
            )
        time.sleep(0.01)
    process.kill()
    process.wait()
    raise RetryableError(f"The server for {file.path} does not come up.", remedy="Check the load of this machine.")


class _Keeper:
    """Gives the plugin the session's login, a new one when it asks for that, and hears why it failed."""

    def __init__(self, session: Session, path: Path) -> None:
        self.failure: DroverError | None = None
        self._http: Http = session.http()
        self._session = session
        keeper = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(ValueError, OSError, DroverError):
                    self.wfile.write(json.dumps(keeper.answer(json.loads(self.rfile.readline()))).encode() + b"\n")

        self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self._server.daemon_threads = True

    def answer(self, question: dict[str, str]) -> str:
        if "failed" in question:
            kind = RetryableError if question["failed"] == RetryableError.__name__ else OperatorNeededError
            self.failure = kind(question["message"], remedy=question["remedy"])
            return ""
        if question.get("ask") == "renew":
            log.info("%s ended the session during a download; Drover logs in again.", self._session.name)
            self._session.renew()
        return self._http.cookie

    def __enter__(self) -> "_Keeper":
        threading.Thread(target=self._server.serve_forever, name="datastore login", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
