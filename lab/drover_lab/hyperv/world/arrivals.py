"""How another host has a machine's process started here, for one that comes: over a socket in the world.

The line stays open for as long as the machine is on its way. Where it ends before the machine stands in this host's
list, its host is gone or has changed its mind, and nothing of the machine is kept; where this host ends it, this host
lost its power, and what there was of the machine's disks stays. Each host's processes are its own; what the hosts share
is the folder.
"""

import contextlib
import json
import select
import shutil
import socket
import socketserver
import threading
from pathlib import Path
from typing import Any, Self

from drover.errors import DroverError
from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import refused
from drover_lab.hyperv.world.machines import refresh
from drover_lab.hyperv.world.paths import local
from drover_lab.hyperv.world.store import Host, State

_SECONDS = 60.0


def _path(host: Host) -> Path:
    return host.running / "arrivals.sock"


def answers(host: Host) -> bool:
    """Whether the host has power."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(_path(host))) == 0


class Line:
    """The end of the host that a machine leaves.

    :param runs: whether it needs a process there.
    :raises CmdletFault: the other host refuses. :raises OSError: it does not run.
    """

    def __init__(self, host: Host, machine: State, *, runs: bool) -> None:
        self.host = host
        self._client = socket.socket(socket.AF_UNIX)
        try:
            self._client.settimeout(_SECONDS)
            self._client.connect(str(_path(host)))
            self._client.sendall(json.dumps({"machine": machine, "runs": runs}).encode() + b"\n")
            line = self._answer()
        except BaseException:
            self._client.close()
            raise
        if not line:
            raise ConnectionResetError(f"{host.name} ended the connection")
        error = json.loads(line).get("error")
        if error:
            raise refused(error)

    def _answer(self) -> bytes:
        """Byte by byte: what comes after it is the end of the line, for which `lost` looks."""
        found = bytearray()
        while (byte := self._client.recv(1)) not in (b"", b"\n"):
            found += byte
        return bytes(found)

    def lost(self) -> bool:
        """The other host has no power any more."""
        return bool(select.select([self._client], [], [], 0)[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Returns when the other host has put its own in order."""
        with self._client, contextlib.suppress(OSError):
            self._client.shutdown(socket.SHUT_WR)
            self._client.recv(1)


class Arrivals:
    """From now on machines may come to this host, until it loses its power."""

    def __init__(self, host: Host) -> None:
        self._server = _Server(host)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="arrivals", daemon=True).start()

    def cut(self) -> None:
        """Nobody is answered any more, and nothing is tidied up."""
        self._server.off.set()
        self._server.shutdown()
        self._server.server_close()
        for thread, connection in self._server.lines():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join(_SECONDS)


def _expect(host: Host, machine: State, *, runs: bool) -> None:
    with host.state() as state:
        refresh(host, state)
        if machine["id"] in state["machines"]:
            raise _failed(host, machine, "A virtual machine with the same identifier already exists.")
        used = sum(one["memory"] for one in state["machines"].values() if one["state"] == "Running")
        if runs and used + machine["memory"] > state["memory"]:
            raise _failed(host, machine, "Not enough memory in the system to start the virtual machine.")
    for drive in machine["disks"]:
        if local(host, drive["path"]).exists():
            raise _failed(host, machine, f"Failed to create '{drive['path']}': The file exists. (0x80070050)")


def _failed(host: Host, machine: State, why: str) -> CmdletFault:
    return refused(f"Virtual machine migration for '{machine['name']}' failed at migration destination '{host.name}'. "
                   f"{why}")  # fmt: skip


def _receive(host: Host, machine: State, *, runs: bool) -> None:
    """Its files, with nothing in them, and its process."""
    for drive in machine["disks"]:
        path = local(host, drive["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        if not runs:
            path.touch()
            continue
        qemu.create_like(Path(drive["like"]), path)
        with open(drive["raw"], "wb") as file:
            file.truncate(qemu.size_of(path))
    if machine.get("nvram") and Path(machine["nvram"]).exists():
        shutil.copyfile(machine["nvram"], host.folder / host.name / f"{machine['id']}.nvram")
    if runs:
        qemu.start(host, machine, arriving=True)


def _goes_on(host: Host, machine: State, *, runs: bool) -> None:
    """The line ended: the machine is this host's by now, or it does not come."""
    with host.state() as state:
        arrived = machine["id"] in state["machines"]
    if not arrived:
        _discard(host, machine)
    elif runs:
        # Where it came from may have lost its power before it could say so.
        with contextlib.suppress(OSError, CmdletFault), qemu.monitor(host, machine) as monitor:
            monitor.ask("cont")


def _discard(host: Host, machine: State) -> None:
    qemu.kill(host, machine)
    for drive in machine["disks"]:
        path = local(host, drive["path"])
        for one in (path, Path(drive.get("raw", path))):
            one.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.parent.rmdir()
    for path in (*host.running.glob(f"{machine['id']}.*"), host.folder / host.name / f"{machine['id']}.nvram"):
        path.unlink(missing_ok=True)


class _Handler(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        line = self.rfile.readline()
        if not line:
            return  # somebody looked whether anybody answers
        order, host = json.loads(line), self.server.host
        machine, runs = order["machine"], order["runs"]
        error = self._prepare(host, machine, runs=runs)
        self._say(**({"error": error} if error else {}))
        if error:
            return
        with contextlib.suppress(OSError):
            self.rfile.read()
        if not self.server.off.is_set():
            _goes_on(host, machine, runs=runs)

    def _prepare(self, host: Host, machine: State, *, runs: bool) -> str:
        """:returns: why it cannot come."""
        try:
            _expect(host, machine, runs=runs)
            try:
                _receive(host, machine, runs=runs)
            except BaseException:
                if not self.server.off.is_set():
                    _discard(host, machine)
                raise
        except (CmdletFault, DroverError, OSError) as error:
            return str(error) or type(error).__name__
        return ""

    def _say(self, **said: Any) -> None:
        with contextlib.suppress(OSError):  # what it does not hear it sees at the end of the line
            self.wfile.write(json.dumps(said).encode() + b"\n")


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, host: Host) -> None:
        self.host = host
        self.off = threading.Event()
        self._lines: dict[threading.Thread, socket.socket] = {}
        # A name of its own, and then the one that is known: whoever listened there before serves nobody any more.
        path = _path(host)
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)

    def lines(self) -> list[tuple[threading.Thread, socket.socket]]:
        return list(self._lines.items())

    def process_request(self, request: Any, client_address: Any) -> None:
        """As the base does; each thread is known before it begins, so that none is missed where power is cut."""
        for thread in [one for one in self._lines if not one.is_alive()]:
            del self._lines[thread]
        given = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=given, name="arrival", daemon=True)
        thread.start()
        self._lines[thread] = request
