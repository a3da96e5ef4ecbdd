"""What a lab keeps, and its lock."""

from pathlib import Path

import pytest

from drover.errors import BadInputError, OperatorNeededError
from drover_lab import state
from drover_lab.state import LabState


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "ROOT", tmp_path)
    return tmp_path


def test_saved_is_loaded() -> None:
    settings = LabState("one", 3, "100mbit", ("web", "db"))
    settings.save()
    assert LabState.load("one") == settings
    assert LabState.find("two") is None
    with pytest.raises(BadInputError, match="There is no lab 'two'"):
        LabState.load("two")


def test_the_lock_is_held_by_one_and_leaves_nothing(root: Path) -> None:
    with state.locked("one"):
        with pytest.raises(OperatorNeededError, match="Another command is changing the lab 'one'"), state.locked("one"):
            pass
        with state.locked("two"):
            pass
    with state.locked("one"):
        pass
    assert list((root / "labs").iterdir()) == []


def test_the_lock_of_a_killed_command_is_free(root: Path) -> None:
    (root / "labs").mkdir()
    (root / "labs/one.lock").touch()
    with state.locked("one"):
        pass
