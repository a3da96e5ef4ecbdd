"""The control socket of a simulated host: one JSON object a line in, one out. Only the lab and its tests know it."""

import json
import os
import socket
import socketserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Whoever only asks needs no host.
    from drover_lab.hyperv.host import HyperVHost
    from drover_lab.hyperv.world.store import Host


class Control:
    """What may be asked. The orders are the names of the methods."""

    ORDERS = ("status", "inject", "clear", "drop", "stop", "start", "reboot", "boot", "machines", "remove", "empty")

    def __init__(self, host: "HyperVHost") -> None:
        self._host = host

    def answer(self, order: dict[str, Any]) -> dict[str, Any]:
        name = order.pop("order", None)
        if name not in self.ORDERS:
            return {"error": f"there is no order {name!r}"}
        try:
            return getattr(self, name)(**order) or {"done": True}
        except (TypeError, ValueError, OSError) as error:
            return {"error": str(error)}

    def status(self) -> dict[str, Any]:
        """What a test asserts: which shells are open, what was asked and how, and what is not modelled."""
        host = self._host
        return {
            "name": host.settings.name,
            "ports": host.ports,
            "shells": [
                {
                    "id": shell.id,
                    "owner": shell.owner,
                    "environment": dict(shell.environment),
                    "commands": len(shell.commands),
                }
                for shell in host.shells.all()
            ],
            "connections": len(host.web.connections),
            "requests": [seen._asdict() for seen in host.web.seen],
            "unmodelled": list(host.shells.unmodelled),
        }

    def inject(self, **values: Any) -> None:
        self._host.injections.add(values)

    def clear(self) -> None:
        """Nothing more goes wrong, and what was noted is forgotten."""
        self._host.injections.clear()
        self._host.web.seen.clear()
        self._host.shells.unmodelled.clear()

    def drop(self) -> None:
        self._host.web.cut()

    def stop(self) -> None:
        self._host.stop()

    def start(self) -> None:
        self._host.start()

    def reboot(self, seconds: float | None) -> None:
        self._host.reboot(seconds)

    def boot(self) -> None:
        self._host.boot()

    def machines(self) -> dict[str, Any]:
        from drover_lab.hyperv.world import care

        return {"machines": care.machines(self._world)}

    def remove(self, names: list[str]) -> None:
        from drover_lab.hyperv.world import care

        care.remove(self._world, names)

    def empty(self) -> None:
        """No machine, and no file on the drives."""
        from drover_lab.hyperv.world import care

        care.clear(self._world)

    @property
    def _world(self) -> "Host":
        from drover_lab.hyperv.world.runner import HyperV

        if not isinstance(self._host.runner, HyperV):
            raise ValueError("this host has no machines")
        return self._host.runner.host


class _Handler(socketserver.StreamRequestHandler):
    server: "ControlServer"

    def handle(self) -> None:
        for line in self.rfile:
            said = self.server.control.answer(json.loads(line))
            self.wfile.write(json.dumps(said).encode() + b"\n")


class ControlServer(socketserver.ThreadingUnixStreamServer):
    """Listens at the path of the control socket; nobody but its owner may connect."""

    daemon_threads = True

    def __init__(self, path: Path, control: Control) -> None:
        self.control = control
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _Handler)
        finally:
            os.umask(before)


def ask(path: Path, order: str, **values: Any) -> dict[str, Any]:
    """One order to a running host. :raises ValueError: it refuses. :raises OSError: it does not run."""
    # The path may be longer than a socket's address may be; that of its folder, seen so, is not.
    folder = os.open(path.parent, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/proc/self/fd/{folder}/{path.name}")
            client.sendall(json.dumps({"order": order, **values}).encode() + b"\n")
            with client.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
    finally:
        os.close(folder)
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer
