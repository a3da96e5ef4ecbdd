"""From what a task knows (a wave file or its text, a machine's key, the run) to the domain's `Move`."""

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drover.evidence.files import write_durably
from drover.evidence.store import MachineStore, RunStore
from drover.hypervisors.connection import ConnectionSpec
from drover.migration.move import Move, Resolver, open_move
from drover.waves.loader import load, parse
from drover.waves.schema import Wave
from drover_airflow.hooks.base import resolve
from drover_airflow.settings import store_root

# Beside the waves' folders in the store; no wave's name begins with a dot.
WAVES = ".waves"


def read_wave(wave: str) -> Wave:
    """:param wave: a wave file's path, or a wave as JSON. :raises BadInputError: it is not there, or not right."""
    if wave.lstrip().startswith("{"):
        return parse(wave, "given in the form")
    return load(Path(wave))


def wave_of_run(wave: str, run: str) -> Wave:
    """The wave as it was when the first task of this run read it: a file that is edited meanwhile counts for the next.

    A rollback that read another target, or a file that is wrong by now, would not find what it has to take back.
    """
    which = hashlib.blake2b(f"{wave}\0{run}".encode(), digest_size=16).hexdigest()
    kept = store_root() / WAVES / f"{which}.json"
    if not kept.exists():
        text = read_wave(wave).model_dump_json(indent=2)
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_name(f"{which}.{os.getpid()}.{threading.get_ident()}")
        write_durably(draft, text.encode())
        # The first one stays: two machines of a run must not follow two versions.
        with suppress(FileExistsError):
            os.link(draft, kept)
        draft.unlink()
    return parse(kept.read_text(), f"kept of run {run}")


@contextmanager
def opened(wave: str, machine: str, run: str, resolver: Resolver = resolve) -> Iterator[Move]:
    """The move of the machine with this key, with its connections; they are closed afterwards."""
    with open_move(wave_of_run(wave, run), machine, run, resolver, store_root()) as move:
        yield move


def known(specs: dict[str, ConnectionSpec]) -> Resolver:
    """A resolver for where connections cannot be looked up any more, as in a trigger's threads."""
    return specs.__getitem__


def stores(wave: Wave, run: str) -> dict[str, MachineStore]:
    """The evidence of each machine of this run, by the machine's key."""
    store = RunStore(store_root(), wave.wave, run)
    return {plan.key: store.machine(plan.name) for plan in wave.machines}
