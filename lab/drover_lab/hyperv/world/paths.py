"""Windows paths on the folders that play a host's drives. Windows does not care for case; the folders do."""

import contextlib
import re
from pathlib import Path

from drover_lab.hyperv.powershell.faults import CmdletFault
from drover_lab.hyperv.soap import NotModelledError
from drover_lab.hyperv.world.store import Host


def local(host: Host, path: str) -> Path:
    """Where a Windows path leads. :raises CmdletFault: there is no such drive."""
    written = path.replace("/", "\\")
    found = re.fullmatch(r"([A-Za-z]):\\(.*)", written, re.DOTALL)
    if not found:
        raise NotModelledError(f"the path {path!r}")
    here = host.drives / found[1].upper()
    if not here.is_dir():
        raise CmdletFault(
            f"Cannot find drive. A drive with the name '{found[1]}' does not exist.",
            "DriveNotFound",
            "ObjectNotFound",
            "System.Management.Automation.ItemNotFoundException",
        )
    for part in found[2].split("\\"):
        if part in ("", "."):
            continue
        if part == ".." or re.search(r'[<>:"|?*\x00-\x1f]', part):
            raise CmdletFault(
                "The given path's format is not supported.", "NotSupported", "InvalidArgument",
                "System.NotSupportedException",
            )  # fmt: skip
        here = _child(here, part)
    return here


def _child(folder: Path, name: str) -> Path:
    exact = folder / name
    if exact.exists() or not folder.is_dir():
        return exact
    return next((one for one in folder.iterdir() if one.name.lower() == name.lower()), exact)


def same(one: str, other: str) -> bool:
    return one.lower() == other.lower()


def used(folder: Path) -> int:
    """The bytes of all files below a folder; one that goes meanwhile, as a machine that moves away, is not counted."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total
