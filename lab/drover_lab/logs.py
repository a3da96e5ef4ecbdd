"""What a lab wrote, kept beyond its end."""

import shutil
from pathlib import Path

from drover_lab import state


def keep(name: str, place: Path) -> Path:
    """Copies what the hosts logged and the machines wrote to their consoles, before a lab goes that something befell.

    :param place: the folder that holds it afterwards, in place of an earlier lab's.
    """
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    folder = state.labs_folder() / name
    for path in sorted({*folder.rglob("*.log"), *folder.rglob("*.console")}):
        if path.is_file():
            kept = place / path.relative_to(folder)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, kept)
    return place
