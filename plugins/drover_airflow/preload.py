"""Loads beforehand what Drover's tasks need, in the process that Airflow forks them from.

Every task is a process of its own, and Great Expectations alone takes one some seconds of a CPU to load; but a fork has
what its parent has loaded. So one line in `airflow_local_settings.py`, which each component of Airflow imports first,
makes every step of every wave begin that much sooner::

    import drover_airflow.preload

Only what forks tasks loads anything: a scheduler whose executor runs them itself, and a Celery worker.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

# None of ours: they load in no time, and those of one version must not meet those of another.
MODULES = (
    *("pandas", "great_expectations", "libvirt", "paramiko", "pyVmomi", "winrm", "smbclient"),
    "great_expectations.render.renderer.site_builder",
)


def forks_tasks(arguments: Sequence[str], executors: str) -> bool:
    """:param arguments: of the command `airflow`. :param executors: as `core.executor` says them."""
    if list(arguments[:1]) == ["scheduler"]:
        return "LocalExecutor" in executors
    return list(arguments[:2]) == ["celery", "worker"]


def load(arguments: Sequence[str], executors: str) -> None:
    if forks_tasks(arguments, executors):
        for name in MODULES:
            import_module(name)


def _load_here() -> None:
    from airflow.configuration import conf

    load(sys.argv[1:], conf.get("core", "executor", fallback=""))


_load_here()
