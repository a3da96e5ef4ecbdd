"""Two hosts of one world, in this process, and a machine at the first one."""

import subprocess
from pathlib import Path
from typing import Any

from worlds import DISK, Peer, definition

from drover_lab.hyperv.world.store import world
from drover_lab.process import wait_until

THERE = "D:\\moved\\Müller's $(id).vhdx"


class Pair:
    """Two hosts of one world; the login may be used at a second host."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.a, self.b = (Peer(folder, name, patience=1.0) for name in ("hv-a", "hv-b"))
        for peer in (self.a, self.b):
            peer.runner.boot()
            self.set(peer.host.name, live_login="Kerberos", delegation=True)

    def set(self, name: str, **values: Any) -> None:
        with world(self.folder) as found:
            found["hosts"][name].update(values)

    def asked(self, identity: str, *, start: bool, switch: str = "production", **changes: Any) -> list[dict[str, str]]:
        disks = [{"source": DISK, "destination": THERE}]
        parameters = {"id": identity, "host": "hv-b.lab.test", "folder": "D:\\moved", "disks": disks,
                      "adapters": [{"mac": "00155D010203", "switch": switch}], "start": start, "patience": 20,
                      **changes}  # fmt: skip
        (found,) = self.a.script("live", **parameters)
        return list(found["against"])

    def job(self) -> dict[str, Any]:
        """The latest."""
        return dict(max(self.a.script("live-jobs"), key=lambda one: str(one["submitted"])))

    def ended(self) -> dict[str, Any]:
        wait_until("the move ends", lambda: self.job()["state"] > 4, deadline=180, interval=0.1)
        return self.job()


def mill(pair: Pair, *, running: bool = True) -> str:
    (identity,) = pair.a.script("define", **definition())
    pair.a.script("rename", id=identity, name="mill")
    write = ["qemu-io", "-f", "vhdx", "-c", "write -P 7 1M 64k", str(pair.a.file())]
    subprocess.run(write, check=True, capture_output=True)
    if running:
        pair.a.script("power-on", id=identity)
    return str(identity)


def has_bytes(path: Path) -> bool:
    read = ["qemu-io", "-r", "-U", "-f", "vhdx", "-c", "read -P 7 1M 64k", str(path)]
    return b"failed" not in subprocess.run(read, check=True, capture_output=True).stdout
