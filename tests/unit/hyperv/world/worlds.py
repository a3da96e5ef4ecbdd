"""Hosts of a world of the test's own, asked by the product's own scripts."""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "powershell"))

from posh import answer, error, values  # noqa: E402

import drover.hypervisors.hyperv as product  # noqa: E402
from drover.hypervisors.connection import ConnectionSpec  # noqa: E402
from drover.hypervisors.hyperv import target  # noqa: E402
from drover.hypervisors.hyperv.errors import script_error  # noqa: E402
from drover_lab import definitions  # noqa: E402
from drover_lab.hyperv.world.runner import HyperV  # noqa: E402
from drover_lab.hyperv.world.store import State, add_host  # noqa: E402

GIB = 2**30
MIB = 2**20
DISK = "D:\\Hyper-V\\Virtual Hard Disks\\Müller's $(id).vhdx"


class Peer:
    """One host. :attr runner: what its shells run."""

    def __init__(self, folder: Path, name: str = "hv-a", **options: Any) -> None:
        add_host(folder, name)
        self.runner = HyperV(str(folder), name, firmware=definitions.firmware_files(), **options)
        self.host = self.runner.host

    def script(self, verb: str, **parameters: Any) -> list[Any]:
        """What one of the product's scripts answers."""
        return values(self._text(verb), parameters, self.runner)

    def refuses(self, verb: str, **parameters: Any) -> dict[str, Any]:
        return error(self._text(verb), parameters, self.runner)

    def says(self, script: str, **parameters: Any) -> list[Any]:
        return values(f"param($p)\n{script}", parameters, self.runner)

    def fails(self, script: str, **parameters: Any) -> dict[str, Any]:
        return error(f"param($p)\n{script}", parameters, self.runner)

    def machine(self) -> State:
        """The one machine, as the model keeps it."""
        with self.host.state() as state:
            (found,) = state["machines"].values()
            return dict(found)

    def machines(self) -> list[State]:
        with self.host.state() as state:
            return [dict(one) for one in state["machines"].values()]

    def file(self, path: str = DISK) -> Path:
        return self.host.drives / path[0] / path[3:].replace("\\", "/")

    def _text(self, verb: str) -> str:
        assert product.__file__
        return (Path(product.__file__).parent / "scripts" / f"{verb}.ps1").read_text(encoding="utf-8")


class Direct:
    """Stands where a Session does: its scripts run at this host, without WinRM in between."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.target = target.read(ConnectionSpec("hv_a", "hyperv", "hv-a", "administrator", "secret"))

    def run(self, script: str, parameters: dict[str, Any], *, deadline: float = 0) -> list[Any]:
        found = answer(script, json.loads(json.dumps(parameters)), self.peer.runner)
        if not found["ok"]:
            raise script_error("hv-a", found)
        return list(found["value"])


def definition(**changes: Any) -> dict[str, Any]:
    """What define.ps1 takes: a small machine of generation 2."""
    found = {
        "workingName": "drover 1", "folders": ["D:\\Hyper-V\\Virtual Hard Disks"], "generation": 2,
        "memory": 64 * MIB, "folder": "D:\\Hyper-V", "version": None, "notes": "drover: 1", "processors": 2,
        "compatibility": True, "dynamic": None, "controllers": [1],
        "disks": [{"path": DISK, "size": 16 * MIB, "controller": "SCSI", "number": 0, "location": 0}],
        "adapters": [{"name": "n", "switch": "production", "mac": "00155D010203", "legacy": False, "vlan": 7}],
        "template": "MicrosoftUEFICertificateAuthority", "boot": [DISK], "settings": None, "services": [],
    }  # fmt: skip
    return {**found, **changes}


def made(hv: Peer, **changes: object) -> str:
    """The id of a machine `mill`."""
    (identity,) = hv.script("define", **definition(**changes))
    hv.script("rename", id=identity, name="mill")
    return str(identity)
