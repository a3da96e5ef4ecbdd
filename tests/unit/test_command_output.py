"""A file that a command writes where its caller says: whole, or as it was before; and what a file says on a screen."""

import os
from pathlib import Path

import pytest

from drover.cli import main
from drover.commands import _output
from drover.errors import BadInputError


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "schema.json"
    file.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BadInputError, match=r"The schema cannot be written to .*: No space left on device"):
        _output.put(file, "after", "schema")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["before"]


def test_a_pipe_is_written_to_and_a_mistyped_folder_is_not_made(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    _output.put(tmp_path / "pipe", "text", "schema")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()
    assert main(["wave", "schema", "-o", str(tmp_path / "typo" / "x.json")]) == 2
    assert main(["wave", "schema", "-o", str(tmp_path)]) == 2
    assert not (tmp_path / "typo").exists()


def test_a_wave_file_does_not_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a\x1b[31m.yaml"
    file.write_text('"b\\e]0;owned\\a": 1\n')
    assert main(["wave", "check", str(file)]) == 2
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "\x07" not in told
    assert r"b\x1b]0;owned\x07" in told
    assert len(told.splitlines()) > 2
