"""Airflow reads its home when it is first imported, so it is set before any test module is."""

import os
import tempfile

import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="drover-airflow-tests-"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")


@pytest.fixture(autouse=True)
def _store_of_its_own(tmp_path, monkeypatch):
    """No test may find what another kept, or leave something where a deployment keeps its own."""
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
