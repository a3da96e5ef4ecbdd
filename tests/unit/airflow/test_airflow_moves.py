"""A run follows the wave file as it was when the run began."""

from pathlib import Path

import pytest

from drover.errors import BadInputError
from drover_airflow.moves import wave_of_run

TEXT = """
wave: night
source: a
target: b
backup: {folder: /var/lib/drover/backups}
bandwidth: 200 Mbit/s
machines:
  - {name: web, strategy: cold, shutdown_deadline: 90 s}
"""


@pytest.fixture
def wave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DROVER_STORE", str(tmp_path / "store"))
    path = tmp_path / "night.yaml"
    path.write_text(TEXT)
    return path


def test_an_edit_during_a_run_counts_for_the_next_one(wave: Path) -> None:
    first = wave_of_run(str(wave), "run-1")
    wave.write_text(TEXT.replace("target: b", "target: elsewhere"))

    assert wave_of_run(str(wave), "run-1") == first
    assert first.target == "b"
    assert first.machines[0].shutdown_deadline == 90
    assert wave_of_run(str(wave), "run-2").target == "elsewhere"


def test_a_file_that_turned_wrong_does_not_stop_a_run_that_began(wave: Path) -> None:
    first = wave_of_run(str(wave), "run-1")
    wave.write_text("nonsense: [")

    assert wave_of_run(str(wave), "run-1") == first
    with pytest.raises(BadInputError):
        wave_of_run(str(wave), "run-2")
