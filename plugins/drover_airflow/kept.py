"""The waves of runs that began, as they were then: a file that is edited meanwhile counts for the next run.

A rollback that read another target, or a file that is wrong by now, would not find what it has to take back. Light on
purpose: the DAG files look in here when they are parsed.
"""

import hashlib
import json
import os
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drover.errors import BadInputError
from drover.evidence.files import write_durably
from drover.evidence.store import WAVES, wave_as_read
from drover.waves.loader import load, parse
from drover.waves.schema import Wave
from drover_airflow.settings import store_root

# Beside the waves' folders in the store; no wave's name begins with a dot.


@dataclass(frozen=True, slots=True)
class Kept:
    """:param dag: the DAG that the run is of; empty where nobody said. :param file: the wave file's path, if any.

    :param began: when the run's first task read it, seconds since the epoch.
    """

    dag: str
    run: str
    file: str | None
    wave: Wave
    began: float


def read_wave(wave: str) -> Wave:
    """:param wave: a wave file's path, or a wave as JSON. :raises BadInputError: it is not there, or not right."""
    return parse(wave, "given in the form") if _is_json(wave) else load(Path(wave))


def rehearsal_of(wave: Wave) -> str:
    """The id of the DAG that rehearses a wave. What its runs do is a rehearsal, whatever the wave's file says."""
    return f"rehearse_{wave.wave}"


def keep(wave: str, run: str, dag: str) -> Kept:
    """The wave as it was when the first task of this run asked for it.

    It is found by what its tasks know of it, and by its name: a file that was renamed meanwhile is the same wave.
    """
    asked = _asked(wave, run)
    if (found := _read(asked)) is not None:
        _refuse_other(found, dag)
        return found
    said = read_wave(wave)
    if dag == rehearsal_of(said):
        said = said.model_copy(update={"mode": "rehearsal"})
    kept = Kept(dag, run, None if _is_json(wave) else wave, said, time.time())
    named = _named(kept.wave.wave, run)
    _put(named, _text(kept))
    asked.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.link(named, asked)
    found = _read(asked) or kept
    _refuse_other(found, dag)
    return found


def _refuse_other(found: Kept, dag: str) -> None:
    """:raises BadInputError: the run has the id of a run of another DAG, so their evidence would be one."""
    if dag and found.dag and dag != found.dag:
        raise BadInputError(
            f"The run {found.run} of {dag} has the id of a run of {found.dag}, which is of the same wave.",
            remedy="Trigger it anew under another run id.",
        )


def of_run(wave: str, run: str) -> Kept | None:
    """:param wave: its name."""
    return _read(_named(wave, run))


def newest_run(wave: str) -> str | None:
    """The run of this wave that began last, rehearsals left out. :param wave: its name."""
    found = sorted(_named(wave, "-").parent.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    runs = (json.loads(path.read_text()) for path in found)
    return next((str(plain["run"]) for plain in runs if plain["wave"].get("mode") != "rehearsal"), None)


def _text(kept: Kept) -> str:
    plain = {"dag": kept.dag, "run": kept.run, "file": kept.file, "began": kept.began}
    return json.dumps({**plain, "wave": kept.wave.model_dump(mode="json")}, indent=2)


def _read(path: Path) -> Kept | None:
    try:
        plain = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    wave = parse(json.dumps(plain["wave"]), f"kept of run {plain['run']}")
    return Kept(plain["dag"], plain["run"], plain["file"], wave, plain["began"])


def _put(path: Path, text: str) -> None:
    """The first one stays: two machines of a run must not follow two versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    write_durably(draft, text.encode())
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()


def _asked(wave: str, run: str) -> Path:
    which = hashlib.blake2b(f"{wave}\0{run}".encode(), digest_size=16).hexdigest()
    return store_root() / WAVES / "asked" / f"{which}.json"


def _named(wave: str, run: str) -> Path:
    return wave_as_read(store_root(), wave, run)


def _is_json(wave: str) -> bool:
    return wave.lstrip().startswith("{")
