"""From the folder of wave files to DAGs; also for the files that are wrong."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param

from drover.errors import BadInputError
from drover.waves.loader import load
from drover_airflow.operators.mistake import MistakeOperator
from drover_airflow.settings import wave_files
from drover_airflow.wave_dag import build_dag


def dags_of(folder: Path) -> Iterator[DAG]:
    """A DAG for every wave file. :param folder: the DAG folder."""
    taken: dict[str, Path] = {}
    wrong: list[tuple[Path, str]] = []
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
        yield build_dag(wave, path)
    for path, mistakes in wrong:
        dag = wrong_file(path, mistakes, frozenset(taken))
        taken[dag.dag_id] = path
        yield dag


def wrong_file(path: Path, mistakes: str, taken: frozenset[str]) -> DAG:
    """Stands in for the wave of a wrong file: it shows the mistakes and refuses to be triggered."""
    dag_id = f"wave_{re.sub(r'[^A-Za-z0-9_-]', '_', path.stem)}"
    while dag_id in taken:
        dag_id += ".wrong"
    with DAG(
        dag_id,
        dag_display_name=f"{dag_id} (mistakes in {path.name})",
        description=f"Cannot be started: {mistakes.splitlines()[0]}",
        doc_md=f"This wave cannot be started.\n\n```\n{mistakes}\n```",
        schedule=None,
        tags=["drover", "wave", "mistakes"],
        # No text is long enough for this, so the form and the API refuse, and show the mistakes in doing so.
        params={"mistakes": Param(type="string", title="This wave cannot be started", description=mistakes, enum=[])},
    ) as dag:
        MistakeOperator(task_id="mistakes", mistakes=mistakes, retries=0, execution_timeout=timedelta(minutes=1))
    return dag
