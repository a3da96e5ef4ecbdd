"""How another host has a machine's process started and ended here, for one that comes: over a socket in the world.

Each host's processes are its own; what the hosts share is the folder.
"""

import json
import shutil
import socket
import socketserver
import threading
from pathlib import Path
from typing import Any

from drover.errors import DroverError
from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.world import qemu
from drover_lab.hyperv.world.answers import refused
from drover_lab.hyperv.world.machines import refresh
from drover_lab.hyperv.world.store import Host, State

_SECONDS = 60.0


def _path(host: Host) -> Path:
    return host.running / "arrivals.sock"


def ask(host: Host, order: str, machine: State) -> None:
    """:raises CmdletFault: the host refuses. :raises OSError: it does not run."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_SECONDS)
        client.connect(str(_path(host)))
        client.sendall(json.dumps({"order": order, "machine": machine}).encode() + b"\n")
        with client.makefile("rb") as answers:
            line = answers.readline()
    if not line:
        raise ConnectionResetError(f"{host.name} ended the connection")
    error = json.loads(line).get("error")
    if error:
        raise refused(error)


def listen(host: Host) -> None:
    """From now on machines may come; the second time nothing changes."""
    server = _Server(host)
    threading.Thread(target=server.serve_forever, args=(0.05,), name="arrivals", daemon=True).start()


def _start(host: Host, machine: State) -> None:
    with host.state() as state:
        refresh(host, state)
        used = sum(one["memory"] for one in state["machines"].values() if one["state"] == "Running")
        if used + machine["memory"] > state["memory"]:
            raise refused(
                f"Virtual machine migration for '{machine['name']}' failed at migration destination '{host.name}'. "
                "Not enough memory in the system to start the virtual machine."
            )
    if machine.get("nvram"):
        shutil.copyfile(machine["nvram"], host.folder / host.name / f"{machine['id']}.nvram")
    qemu.start(host, machine, arriving=True)


class _Handler(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        said: dict[str, Any] = {}
        order = json.loads(self.rfile.readline())
        try:
            if order["order"] == "start":
                _start(self.server.host, order["machine"])
            else:
                qemu.kill(self.server.host, order["machine"])
        except (CmdletFault, DroverError, OSError) as error:
            said["error"] = str(error)
        self.wfile.write(json.dumps(said).encode() + b"\n")


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, host: Host) -> None:
        self.host = host
        # A name of its own, and then the one that is known: whoever listened there before serves nobody any more.
        path = _path(host)
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
