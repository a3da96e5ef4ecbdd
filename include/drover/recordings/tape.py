"""A recording on disk: a folder with one JSON file a call."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drover.errors import BadInputError

_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: what was asked, and what came back, or how it failed."""

    call: str
    parameters: dict[str, Any]
    answer: Any
    error: Any = None

    def text(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(folder: Path, calls: Iterable[Call]) -> list[Path]:
    """Writes them when all are there: what cannot be recorded whole is not recorded.

    :raises BadInputError: the folder has something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInputError(f"{folder} is no empty folder.", remedy="Name another one; it is made.")
    found = list(calls)
    folder = folder.absolute()
    # A half recording would look whole, so it has the folder's name only when it is.
    made = folder.with_name(f".{folder.name}.unfinished")
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in made.iterdir():
        old.unlink()
    names = []
    for number, call in enumerate(found, 1):
        names.append(f"{number:03d}-{call.call}{_SUFFIX}")
        (made / names[-1]).write_text(call.text(), encoding="utf-8")
    made.replace(folder)
    return [folder / name for name in names]


def read(folder: Path) -> list[Call]:
    """In the order in which they were recorded."""
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    if not paths:
        raise BadInputError(f"There is no recording in {folder}.", remedy="Make one with './drover record'.")
    return [Call(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]
