"""What a deployment tells Drover through the environment of every Airflow component.

DROVER_STORE   where evidence, manifests and progress are kept; all workers and the triggerer share it.
DROVER_WAVES   folders of wave files, separated as PATH is; default: include/waves beside the DAG folder.
DROVER_QUEUES  `connection=queue` pairs separated by commas: tasks that move bytes run near that hypervisor.
"""

import os
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
    pairs = (pair.partition("=") for pair in os.environ.get("DROVER_QUEUES", "").split(","))
    return next((queue.strip() for name, _, queue in pairs if name.strip() == conn_id and queue.strip()), None)
