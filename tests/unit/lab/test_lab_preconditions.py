"""What is missing is said in one sentence, before anything changes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from drover.cli import main
from drover_lab import preconditions, state


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "ROOT", tmp_path / "none")
    return tmp_path / "none"


@pytest.fixture
def refused(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        assert main(["lab", *arguments]) == 2
        return capfd.readouterr().err

    return run


def test_without_root(root: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "only root may do that" in refused("up")
    assert not root.exists()


def test_where_namespaces_are_forbidden(
    root: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preconditions, "check_root", lambda: None)
    monkeypatch.setattr(preconditions, "TOOLS", ())
    monkeypatch.setattr(preconditions, "_TRIALS", (("namespaces", ["false"]),))
    assert "does not allow namespaces" in refused("up")
    assert not root.exists()


def test_where_a_program_is_missing(root: Path, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preconditions, "check_root", lambda: None)
    monkeypatch.setattr(preconditions, "TOOLS", ("sh", "no-such-program"))
    assert "not installed: no-such-program." in refused("up")
    assert not root.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("up", "--name", "a/b"), "cannot be the name of a lab"),
        (("up", "--link-rate", "fast"), "is not a rate"),
        (("up", "--machines", "web,nope"), "no machine called 'nope'"),
        (("status", "--name", "nothere"), "There is no lab 'nothere'.\nStart it with './drover lab up --name nothere'"),
        (("reset", "--name", "nothere"), "There is no lab 'nothere'"),
    ],
)
def test_bad_input(root: Path, refused: Callable[..., str], arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(*arguments)
    assert not root.exists()
