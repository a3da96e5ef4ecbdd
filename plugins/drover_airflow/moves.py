"""From what a task knows (a wave file or its text, a machine's key, the run) to the domain's `Move`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drover.evidence.store import MachineStore, RunStore
from drover.hypervisors.connection import ConnectionSpec
from drover.migration.move import Move, Resolver, open_move
from drover.waves.loader import load, parse
from drover.waves.schema import Wave
from drover_airflow.hooks.base import resolve
from drover_airflow.settings import store_root


def read_wave(wave: str) -> Wave:
    """:param wave: a wave file's path, or a wave as JSON. :raises BadInputError: it is not there, or not right."""
    if wave.lstrip().startswith("{"):
        return parse(wave, "given in the form")
    return load(Path(wave))


@contextmanager
def opened(wave: str, machine: str, run: str, resolver: Resolver = resolve) -> Iterator[Move]:
    """The move of the machine with this key, with its connections; they are closed afterwards."""
    with open_move(read_wave(wave), machine, run, resolver, store_root()) as move:
        yield move


def known(specs: dict[str, ConnectionSpec]) -> Resolver:
    """A resolver for where connections cannot be looked up any more, as in a trigger's threads."""
    return specs.__getitem__


def stores(wave: Wave, run: str) -> dict[str, MachineStore]:
    """The evidence of each machine of this run, by the machine's key."""
    store = RunStore(store_root(), wave.wave, run)
    return {plan.key: store.machine(plan.name) for plan in wave.machines}
