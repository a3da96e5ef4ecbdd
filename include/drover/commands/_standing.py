"""Where a run stands, for `wave status`: the wave is that which the run read, not what its file says by now."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drover.errors import BadInputError
from drover.evidence.store import RunStore, default_root
from drover.migration import state
from drover.migration.slot_queue import Waiting
from drover.waves.loader import load
from drover.waves.schema import Wave


def read_run(named: str, run: str | None) -> tuple[RunStore, Wave]:
    """:param named: a wave's name, or the path of its file. :param run: its id; None for the newest one.

    :raises BadInputError: there is no such file or run, or nobody knows what the run read.
    """
    file = load(Path(named)) if Path(named).suffix in (".yaml", ".yml") or Path(named).is_file() else None
    name, root = file.wave if file else named, default_root()
    store = RunStore(root, name, run) if run else state.newest(root, name)
    if store is None or not store.folder.exists():
        raise BadInputError(
            f"Nothing is known of {f'a run {run!r}' if run else 'any run'} of the wave '{name}' in {root}.",
            remedy="Set DROVER_STORE as your workers have it; a run's id stands on its DAG's page.",
        )
    wave = state.as_read(store) or file
    if wave is None:
        raise BadInputError(
            f"Nobody kept the wave '{name}' as run {store.run} read it.", remedy="Name the wave's file instead."
        )
    return store, wave


def of_run(store: RunStore, wave: Wave) -> dict[str, Any]:
    """The stable shape of `--json`."""
    waiting = state.waiting(store)
    machines = [asdict(one) | {"waits": _waits(waiting.get(one.machine))} for one in state.standings(wave, store)]
    return {"wave": wave.wave, "run": store.run, "machines": machines}


def _waits(one: Waiting | None) -> dict[str, Any] | None:
    return None if one is None else {"for": one.step, "since": _clock(one.since), "room": list(one.full)}


def in_words(store: RunStore, wave: Wave) -> Iterator[str]:
    """One line a machine, and one more for each that waits for room."""
    waiting = state.waiting(store)
    yield f"Wave {wave.wave}, run {store.run}:"
    for one in state.standings(wave, store):
        busy = f"; {one.busy} is under way or was killed" if one.busy else ""
        since = f" since {one.since}" if one.since else ""
        yield f"  {one.machine}: {one.state}{since}{busy}{f': {one.why}' if one.why else ''}"
        if (waits := waiting.get(one.machine)) is not None:
            yield f"    waits for room for its {waits.step} since {_clock(waits.since)}: {'; '.join(waits.full)}"


def _clock(moment: float) -> str:
    """As the records write it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
