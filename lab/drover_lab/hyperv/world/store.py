"""The state of all hosts: one JSON file, under a lock."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drover_lab.process import write_atomically

State = dict[str, Any]
GIB = 2**30


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the world.

    :param folder: the world's, shared by all its hosts.
    :param bridges: switch -> Linux bridge; a switch without one leads nowhere.
    :param firmware: OVMF's code and variables, for generation 2.
    :param patience: seconds that a guest has to shut down.
    """

    folder: Path
    name: str
    bridges: dict[str, str]
    firmware: tuple[str, str]
    accelerator: str = "tcg"
    patience: float = 300.0

    @property
    def drives(self) -> Path:
        """Holds a folder for each drive letter."""
        return self.folder / self.name / "drives"

    @property
    def running(self) -> Path:
        """Sockets, logs and records of the machines that run."""
        return self.folder / self.name / "run"

    @contextmanager
    def state(self) -> Iterator[State]:
        """What there is at this host; what is changed is kept, unless an error leaves the block."""
        with world(self.folder) as found:
            yield found["hosts"][self.name]


@contextmanager
def world(folder: Path) -> Iterator[State]:
    """The state of all hosts. Nobody else sees it meanwhile."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / "state.json"
        found: State = json.loads(path.read_text()) if path.exists() else {"hosts": {}}
        before = json.dumps(found)
        yield found
        after = json.dumps(found)
        if after != before:
            write_atomically(path, after, 0o600)


def add_host(folder: Path, name: str, **changes: Any) -> None:
    """Makes a host, with a volume D: and its folders; one that is there stays as it is."""
    with world(folder) as found:
        found["hosts"].setdefault(name, {**_host(), **changes})
    make_folders(folder, name)


def make_folders(folder: Path, name: str) -> None:
    """Those that a host has from the beginning."""
    for path in ("drives/C", "drives/D/Hyper-V/Virtual Hard Disks", "run"):
        (folder / name / path).mkdir(parents=True, exist_ok=True)


def _host() -> State:
    return {
        "machines": {},
        "switches": {"production": "External", "isolated": "Private"},
        "processors": 4,
        "memory": 16 * GIB,
        "disk_folder": "D:\\Hyper-V\\Virtual Hard Disks",
        "machine_folder": "D:\\Hyper-V",
        "live": True,
        "live_login": "CredSSP",
        "live_slots": 2,
        "storage_slots": 2,
        # Whether the domain lets this computer log in at others for whoever asks it to move a machine (Kerberos).
        "delegation": False,
        # What Compare-VM says against a machine that comes: pairs of id and message.
        "objections": [],
        # Bytes a second for the disks of a machine that leaves, 0 for no limit.
        "live_speed": 0,
        # Where a machine that leaves is to wait, for as long as this says so: "switch", when all is there and nobody
        # has taken over; "arrived", when the other host has.
        "live_hold": "",
        "versions": ["8.0", "9.0", "10.0"],
        "version": "10.0.20348",
        "processor": "Intel(R) Xeon(R) simulated",
        "capacity": {"C": 64 * GIB, "D": 64 * GIB},
        "macs": 0,
    }
