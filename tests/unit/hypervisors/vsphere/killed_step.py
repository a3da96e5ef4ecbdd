"""One step upon a vCenter in a process of its own, which ends itself with SIGKILL at a named point.

Run as a program, with one argument of JSON: `spec` and `target` (connections), `name`, `do` and `at`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from movers import MIB, contents, data, fill, kvm_machine, settings

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.vsphere import disks_in, nfc, relocate, snapshots
from drover.hypervisors.vsphere.hypervisor import VsphereHypervisor

CONTENTS = [data(1, 6 * MIB), data(2, 3 * MIB)]
# Where a step is killed: whose function, which, at which call of it, and whether before it or after.
POINTS: dict[str, tuple[Any, str, int, bool]] = {
    "the snapshot is being taken": (snapshots, "begin", 1, True),
    "the snapshot was taken": (snapshots, "create", 1, True),
    "a disk comes": (nfc.Lease, "_at", 2, False),
    "a disk goes": (nfc.Lease, "_at", 2, False),
    "the disks came, and are not in their places": (disks_in, "_swap", 1, False),
    "the move has begun": (VsphereHypervisor, "start_live", 1, True),
    "the move was only checked": (relocate, "check", 1, True),
}


def killed(spec: ConnectionSpec, name: str, do: str, at: str, target: ConnectionSpec | None = None) -> None:
    """Does a step until it is killed there. :param do: `read`, `write` or `live`."""
    order = {"spec": asdict(spec), "target": asdict(target) if target else None, "name": name, "do": do, "at": at}
    done = subprocess.run([sys.executable, __file__, json.dumps(order)], capture_output=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


def wanted(name: str) -> Any:
    return settings(kvm_machine(name), networks={"production": "production"}, host="esx-t2")


def _arm(at: str) -> None:
    owner, function, count, after = POINTS[at]
    real: Callable[..., Any] = getattr(owner, function)
    seen: list[None] = []

    def deadly(*given: Any, **more: Any) -> Any:
        seen.append(None)
        made = real(*given, **more) if after else None
        if len(seen) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return made if after else real(*given, **more)

    setattr(owner, function, deadly)


def _run(order: dict[str, Any]) -> None:
    name = order["name"]
    _arm(order["at"])
    with VsphereHypervisor(ConnectionSpec(**order["spec"])) as source:
        if order["do"] == "read":
            with source.read_disks(name) as endpoints:
                contents(endpoints)
        elif order["do"] == "write":
            fill(source, name, wanted(name).owner, CONTENTS, Path(tempfile.mkdtemp()))
        else:
            with VsphereHypervisor(ConnectionSpec(**order["target"])) as target:
                source.start_live(name, target, wanted(name), bandwidth=None, paused=False)


if __name__ == "__main__":
    _run(json.loads(sys.argv[1]))
