"""What forks tasks has loaded beforehand what they need; what does not loads nothing of it."""

from importlib.util import find_spec

import pytest

from drover_airflow import preload


@pytest.mark.parametrize(
    ("command", "executors", "forks"),
    [
        ("scheduler --skip-serve-logs", "LocalExecutor", True),
        ("scheduler", "CeleryExecutor,LocalExecutor", True),
        ("scheduler", "CeleryExecutor", False),
        ("celery worker -q site-a", "CeleryExecutor", True),
        ("celery flower", "CeleryExecutor", False),
        ("dag-processor", "LocalExecutor", False),
        ("triggerer", "LocalExecutor", False),
        ("api-server --port 8080", "LocalExecutor", False),
        ("", "", False),
    ],
)
def test_only_what_forks_tasks_loads_anything(command, executors, forks, monkeypatch):
    loaded = []
    monkeypatch.setattr(preload, "import_module", loaded.append)
    preload.load(command.split(), executors)
    assert loaded == (list(preload.MODULES) if forks else [])


def test_all_of_it_is_there():
    """Not the parts of packages: to look for one loads the package, which takes as long as what is saved."""
    assert [name for name in preload.MODULES if "." not in name and find_spec(name) is None] == []


def test_none_of_it_is_ours():
    """A task must not find modules of two versions after an update, until its worker is restarted."""
    assert [name for name in preload.MODULES if name.startswith("drover")] == []


def test_what_takes_longest_is_among_it():
    assert {"great_expectations", "pandas", "pyVmomi", "libvirt"} <= set(preload.MODULES)
