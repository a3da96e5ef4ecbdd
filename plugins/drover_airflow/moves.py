"""From what a task knows (a wave file or its text, a machine's key, the run) to the domain's `Move`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from drover.errors import BadInputError
from drover.hypervisors.connection import ConnectionSpec
from drover.migration.move import Move, Resolver, open_move
from drover.waves.names import key
from drover.waves.schema import Wave
from drover_airflow.hooks.base import resolve
from drover_airflow.kept import keep, of_run
from drover_airflow.settings import store_root


def wave_of_run(wave: str, run: str, dag: str = "") -> Wave:
    """The wave as it was when the first task of this run read it. :param dag: of the run, where it is known."""
    return keep(wave, run, dag).wave


@contextmanager
def opened(wave: str, machine: str, run: str, resolver: Resolver = resolve, dag: str = "") -> Iterator[Move]:
    """The move of the machine with this key, with its connections; they are closed afterwards."""
    with open_move(wave_of_run(wave, run, dag), machine, run, resolver, store_root()) as move:
        yield move


def look_at_whole(wave: str, run: str, dag: str) -> dict[str, Any]:
    """What stands in the way of the whole wave, before any machine of it is begun. :raises DroverError: something."""
    from drover.migration import wave_preflight

    return wave_preflight.run(wave_of_run(wave, run, dag), run, resolve, store_root())


@contextmanager
def reopened(wave: str, run: str, machine: str) -> Iterator[Move]:
    """The same from outside the run. :param wave: its name. :param machine: its name.

    :raises BadInputError: nothing is known of such a run, or of the machine in it.
    """
    kept = of_run(wave, run)
    if kept is None:
        raise BadInputError(
            f"Nothing is known of a run '{run}' of the wave '{wave}'.",
            remedy="Take the run's id from the page of the wave's DAG.",
        )
    with open_move(kept.wave, key(machine), run, resolve, store_root()) as move:
        yield move


def known(specs: dict[str, ConnectionSpec]) -> Resolver:
    """A resolver for where connections cannot be looked up any more, as in a trigger's threads."""
    return specs.__getitem__
