"""Where a lab keeps what it knows, and the lock that lets one command at a time change it."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from drover.errors import BadInputError, OperatorNeededError
from drover_lab.process import write_atomically

ROOT = Path(os.environ.get("DROVER_LAB_STATE", "/var/lib/drover"))
CACHE = Path(os.environ.get("DROVER_LAB_CACHE", "/var/cache/drover"))


def labs_folder() -> Path:
    return ROOT / "labs"


@dataclass(frozen=True, slots=True)
class LabState:
    """What `up` decided about a lab and everything after it needs.

    :param slot: which addresses and interface names are this lab's.
    :param link_rate: of the line between the sites, as `tc` writes it (`800mbit`).
    :param guests: names of its machines.
    :param hypervisors: which kinds of hosts it has.
    """

    name: str
    slot: int
    link_rate: str
    guests: tuple[str, ...]
    hypervisors: tuple[str, ...] = ("libvirt",)

    @property
    def folder(self) -> Path:
        return labs_folder() / self.name

    def save(self) -> None:
        write_atomically(self.folder / "lab.json", json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, name: str) -> "LabState":
        """:raises BadInputError: there is no such lab."""
        state = cls.find(name)
        if state is None:
            raise BadInputError(f"There is no lab '{name}'.", remedy=f"Start it with './drover lab up --name {name}'.")
        return state

    @classmethod
    def find(cls, name: str) -> "LabState | None":
        try:
            values = json.loads((labs_folder() / name / "lab.json").read_text())
        except FileNotFoundError:
            return None
        kinds = tuple(values.get("hypervisors", ("libvirt",)))
        return cls(values["name"], values["slot"], values["link_rate"], tuple(values["guests"]), kinds)


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds the lab's lock; another `up` or `down` of the same lab is refused, and a killed one's lock is free.

    The file is removed in the end, so it may be gone, or another, by the time the lock is ours: then once more.

    :raises OperatorNeededError: somebody else holds it.
    """
    path = labs_folder() / f"{name}.lock"
    handle = _lock(path, name)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _lock(path: Path, name: str) -> int:
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise OperatorNeededError(
                f"Another command is changing the lab '{name}' right now.",
                remedy="Wait until it is done, then try again.",
            ) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        os.close(handle)
