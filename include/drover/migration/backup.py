"""A verified copy of every disk and of the definition, before the move; without it nothing goes on.

The source is read as it is, running or off: a running machine's disks are frozen at one moment (crash-consistent).
The file `backup.json` is written last; a backup without it is a killed try and is made anew.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.errors import CorruptionError
from drover.evidence.files import safe_name, write_durably
from drover.migration.disks import Manifests, copy_disks, totals
from drover.migration.move import Move
from drover.migration.stage import Facts, stage
from drover.model import DiskFormat, to_json

_SEAL = "backup.json"


@stage("backup")
def run(move: Move) -> Facts:
    folder = backup_folder(move)
    seal = read_seal(folder)
    if seal is not None:
        return {**seal, "reused": True}
    folder.mkdir(parents=True, exist_ok=True)
    write_durably(folder / "machine.json", json.dumps(to_json(move.machine), indent=2).encode())
    write_durably(folder / "definition.native", move.machine.native.encode())
    with move.source.read_disks(move.name) as sources, _images(move, folder) as images:
        copies = copy_disks(move, sources, images, journals=False)
    Manifests(folder / "manifests").save({disk: copy.target for disk, copy in copies.items()})
    facts = {"folder": str(folder), **totals(copies)}
    write_durably(folder / _SEAL, json.dumps(facts, indent=2).encode())
    return facts


def backup_folder(move: Move) -> Path:
    """One folder a try: after a rollback the source has run on, and its older backup is no backup of it."""
    base = Path(move.wave.backup.folder)
    tries = sum(record.step == "rollback" and record.outcome == "passed" for record in move.store.records())
    names = (move.wave.wave, move.run, f"{move.name}.{tries}" if tries else move.name)
    return base.joinpath(*(safe_name(part) for part in names))


def read_seal(folder: Path) -> Facts | None:
    """The facts of a finished backup, or None where it was not finished.

    :raises CorruptionError: it says that it is finished, and cannot be read.
    """
    try:
        facts: Facts = json.loads((folder / _SEAL).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise CorruptionError(
            f"The backup's seal {folder / _SEAL} cannot be read.",
            remedy="Keep the folder for whoever looks into it, and run the wave anew.",
        ) from None
    return facts


@contextmanager
def _images(move: Move, folder: Path) -> Iterator[dict[str, Endpoint]]:
    """A fresh image for each disk: what a killed try wrote is of another moment and cannot be used."""
    with ExitStack() as stack:
        images = {}
        for disk in move.machine.disks:
            path = folder / f"{safe_name(disk.name)}.qcow2"
            path.unlink(missing_ok=True)
            create_image(path, DiskFormat.QCOW2, disk.size)
            os.chmod(path, 0o600)
            images[disk.name] = stack.enter_context(serve_image(path, format=DiskFormat.QCOW2, read_only=False))
        yield images
