"""The first process of a KVM host: makes the host's own view of the file system, then keeps its daemons running.

It is process 1 of its namespace: when it ends, the kernel ends everything in the host. It imports the standard
library only, and all of it before it mounts a /root and a /tmp of its own over what may be the way to this program.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESTART_PAUSE = 1.0  # seconds, so that a daemon that cannot start does not take the processor
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(orders_path: str) -> None:
    """:param orders_path: a JSON file: hostname, mounts (argument lists for `mount`), daemons, log folder."""
    orders: dict[str, Any] = json.loads(Path(orders_path).read_text())
    logs = {name: _open_log(orders["logs"], name) for name in orders["daemons"]}
    # Python looks nothing up any more from here on, and the tools are the system's own.
    os.environ.clear()
    os.environ.update({"PATH": PATH, "HOME": "/root", "USER": "root", "LOGNAME": "root", "LANG": "C.UTF-8"})
    socket.sethostname(orders["hostname"])
    for mount in orders["mounts"]:
        subprocess.run(["mount", *mount], check=True, cwd="/")
    for folder in orders["folders"]:
        os.makedirs(folder, mode=0o755, exist_ok=True)
    for setting, value in orders["settings"].items():
        Path(setting).write_text(value)
    os.chdir("/")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _supervise({name: (command, logs[name]) for name, command in orders["daemons"].items()})


def _open_log(folder: str, name: str) -> int:
    return os.open(f"{folder}/{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _supervise(daemons: dict[str, tuple[list[str], int]]) -> None:
    """Starts the daemons, starts again what ended, and reaps what others left behind."""
    running = {_start(*daemon): name for name, daemon in daemons.items()}
    while True:
        with contextlib.suppress(ChildProcessError):
            pid, _ = os.wait()
            name = running.pop(pid, None)
            if name is not None:
                time.sleep(RESTART_PAUSE)
                running[_start(*daemons[name])] = name


def _start(command: list[str], log: int) -> int:
    """Not through `subprocess`: its Popen objects would compete with `os.wait` above."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, log, 1),
        (os.POSIX_SPAWN_DUP2, log, 2),
    ]
    return os.posix_spawn(command[0], command, dict(os.environ), file_actions=actions, setsid=True)


if __name__ == "__main__":
    main(sys.argv[1])
