"""Which rehearsal of a machine passed last, in whatever run, and whether it was one of what a wave now says.

A small file for each machine names the run; what counts is the record there, in its chain.
"""

import hashlib
import json
from datetime import datetime
from pathlib import Path

from drover.concerns.preflight import Rehearsed
from drover.errors import CorruptionError
from drover.evidence.files import safe_name, write_durably
from drover.evidence.store import RunStore
from drover.migration.move import Move
from drover.model import VirtualMachine
from drover.waves.schema import MachinePlan, Wave

STEP = "rehearsal"
# Beside the waves' folders in the store; no wave's name begins with a dot.
FOLDER = ".rehearsals"
# Keys of a machine that say nothing of what a rehearsal proves, or that `settings` has from the wave.
_NOT_REHEARSED = {"after", "approval", "waive", "source", "target", "mappings", "shutdown_deadline"}


def settings(wave: Wave, plan: MachinePlan, machine: VirtualMachine) -> str:
    """A digest of what a rehearsal of this machine rests on: both ends, mappings, strategy, checks, and what it is made
    of. A disk that came later was neither copied nor compared."""
    values = {
        "firmware": machine.firmware.value,
        "disks": [[disk.name, disk.size, disk.pool] for disk in machine.disks],
        "networks": [nic.network for nic in machine.nics],
        "ends": [wave.source_of(plan), wave.target_of(plan)],
        "mappings": wave.mappings_of(plan).model_dump(mode="json"),
        "machine": plan.model_dump(mode="json", exclude=_NOT_REHEARSED),
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def remember(move: Move) -> None:
    path = _path(move.root, move.machine.uuid)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, json.dumps({"wave": move.wave.wave, "run": move.run, "machine": move.name}).encode())


def newest(root: Path, machine: VirtualMachine, wave: Wave, plan: MachinePlan) -> Rehearsed | None:
    """:param root: of the evidence. :param machine: as it is now. :returns: None where none has passed."""
    now = settings(wave, plan, machine)
    try:
        known = json.loads(_path(root, machine.uuid).read_text())
        record = RunStore(root, known["wave"], known["run"]).machine(known["machine"]).last(STEP, "passed")
        if record is None:
            return Rehearsed(None, "", now)
        return Rehearsed(datetime.fromisoformat(record.time).timestamp(), str(record.facts["settings"]), now)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, CorruptionError):
        return Rehearsed(None, "", now)


def _path(root: Path, uuid: str) -> Path:
    return root / FOLDER / f"{safe_name(uuid)}.json"
