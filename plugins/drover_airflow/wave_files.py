"""From the folder of wave files to DAGs; also for the files that are wrong."""

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from drover.errors import BadInputError
from drover.migration import claims
from drover.waves.loader import load
from drover_airflow.kept import Kept, of_run, rehearsal_of
from drover_airflow.operators.mistake import MistakeOperator
from drover_airflow.rehearsal_dag import build_rehearsal
from drover_airflow.settings import mistakes, store_root, wave_files
from drover_airflow.wave_dag import build_dag, describe

log = logging.getLogger(__name__)


def dags_of(folder: Path) -> Iterator[DAG]:
    """A DAG for every wave file. :param folder: the DAG folder."""
    taken: dict[str, Path] = {}
    wrong = [(Path(variable), words) for variable, words in mistakes(folder)]
    for path in wave_files(folder):
        try:
            wave = load(path)
        except BadInputError as error:
            wrong.append((path, str(error)))
            continue
        dag_id = f"wave_{wave.wave}"
        if dag_id in taken:
            wrong.append((path, f"The wave '{wave.wave}' in {path} is already in {taken[dag_id]}: rename one of them."))
            continue
        taken[dag_id] = path
        yield build_rehearsal(wave, path, dag_id) if wave.mode == "rehearsal" else build_dag(wave, path)
    for kept in _under_way(set(taken)):
        words = next(
            (words for path, words in wrong if str(path) == kept.file), f"There is no file {kept.file} any more."
        )
        wrong = [(path, told) for path, told in wrong if str(path) != kept.file]
        taken[kept.dag] = Path(str(kept.file))
        yield _as_it_began(kept, words)
    for path, told in wrong:
        dag = wrong_file(path, told, frozenset(taken))
        taken[dag.dag_id] = path
        yield dag


def rehearsals_of(folder: Path) -> Iterator[DAG]:
    """A rehearsal for every wave file that is right, and is not one itself; `dags_of` tells what is wrong."""
    taken: set[str] = set()
    for path in wave_files(folder):
        try:
            wave = load(path)
        except BadInputError:
            continue
        if wave.mode == "real" and wave.wave not in taken:
            taken.add(wave.wave)
            yield build_rehearsal(wave, path, rehearsal_of(wave))


def _under_way(taken: set[str]) -> Iterator[Kept]:
    """The newest run of each wave that still holds a machine and whose DAG no wave file makes any more.

    A stand-in in its place would take away the tasks that end the run, its rollbacks among them.
    """
    for name in sorted({claim.wave for claim in claims.held(store_root())}):
        if f"wave_{name}" in taken:
            continue
        runs = [claim.run for claim in claims.held(store_root()) if claim.wave == name]
        kept = max((found for run in runs if (found := _kept(name, run))), key=lambda each: each.began, default=None)
        if kept is not None and kept.file and kept.dag == f"wave_{name}":
            yield kept


def _kept(wave: str, run: str) -> Kept | None:
    try:
        return of_run(wave, run)
    except BadInputError as error:
        # Another version of Drover kept it. The sweep tells the same, where people look for it.
        log.warning("Run %s of wave '%s' cannot be read: %s", run, wave, error)
        return None


def _as_it_began(kept: Kept, words: str) -> DAG:
    """The wave as a run of it began, until that run has ended; its page tells what became of the file."""
    told = f"**Run `{kept.run}` goes on as it began. Nothing new can be started.**\n\n```\n{words}\n```"
    page = f"{told}\n\n{describe(kept.wave)}"
    return build_dag(kept.wave, Path(str(kept.file)), schedule=None, start_date=None, doc_md=page)


def wrong_file(path: Path, words: str, taken: frozenset[str]) -> DAG:
    """Stands in for the wave of a wrong file: it shows the mistakes and refuses to be triggered."""
    dag_id = f"wave_{re.sub(r'[^A-Za-z0-9_-]', '_', path.stem)}"
    while dag_id in taken:
        dag_id += ".wrong"
    with DAG(
        dag_id,
        dag_display_name=f"{dag_id} (mistakes in {path.name})",
        description=f"Cannot be started: {words.splitlines()[0]}",
        doc_md=f"This wave cannot be started.\n\n```\n{words}\n```",
        schedule=None,
        tags=["drover", "wave", "mistakes"],
        # No text is long enough for this, so the form and the API refuse, and show the mistakes in doing so.
        params={"mistakes": Param(type="string", title="This wave cannot be started", description=words, enum=[])},
    ) as dag:
        MistakeOperator(task_id="mistakes", mistakes=words, retries=0, execution_timeout=timedelta(minutes=1))
    return dag
