"""What a deployment tells Drover through the environment of every Airflow component.

DROVER_STORE   where evidence, manifests and progress are kept; all workers and the triggerer share it.
DROVER_WAVES   folders of wave files, separated as PATH is; default: include/waves beside the DAG folder.
DROVER_QUEUES  `connection=queue` pairs separated by commas: a wave's tasks run near the hypervisor they work with.

What is wrong with one of them never takes a wave away, whose run may be under way: `mistakes` tells it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from drover.evidence.store import default_root


def store_root() -> Path:
    return default_root()


def wave_folders(dags: Path) -> list[Path]:
    """:param dags: the DAG folder; the wave files' own place is beside it."""
    folders = os.environ.get("DROVER_WAVES")
    if folders:
        return [Path(folder) for folder in folders.split(os.pathsep) if folder]
    return [dags.parent / "include" / "waves"]


def wave_files(dags: Path) -> list[Path]:
    """Every wave file, in a fixed order. Sub-folders hold examples and are not looked into."""
    return [
        path.absolute()
        for folder in wave_folders(dags)
        for path in sorted(folder.glob("*.y*ml"))
        if path.suffix in (".yaml", ".yml")
    ]


def queue_of(conn_id: str) -> str | None:
    """The Celery queue near this hypervisor, or None for the default one."""
    return queues().get(conn_id)


def queues() -> dict[str, str]:
    """Queue by connection id, as far as `DROVER_QUEUES` can be read."""
    pairs = (_pair(text) for text in _pairs())
    return {conn_id: queue for conn_id, queue in pairs if conn_id and queue}


def mistakes(dags: Path) -> Iterator[tuple[str, str]]:
    """Which variable is wrong, and how, in words."""
    for folder in wave_folders(dags):
        if not folder.is_dir():
            yield (
                "DROVER_WAVES",
                f"There is no folder {folder}, where wave files should be. Make it, or correct the path.",
            )
    wrong = [text.strip() for text in _pairs() if not all(_pair(text))]
    if wrong:
        yield "DROVER_QUEUES", f"'{wrong[0]}' in DROVER_QUEUES is no pair. Write connection=queue, with commas between."


def _pairs() -> list[str]:
    return [text for text in os.environ.get("DROVER_QUEUES", "").split(",") if text.strip()]


def _pair(text: str) -> tuple[str, str]:
    """Connection id and queue; one that is missing is empty."""
    conn_id, _, queue = (part.strip() for part in text.partition("="))
    return conn_id, "" if "=" in queue else queue
