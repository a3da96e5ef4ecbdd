"""A process is known by pid and start time, not by pid alone."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drover.errors import OperatorNeededError, RetryableError
from drover_lab.process import ProcessRecord, run, wait_until, write_atomically


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def record_of(process: "subprocess.Popen[bytes]") -> ProcessRecord:
    record = ProcessRecord.of(process.pid)
    assert record is not None
    return record


def test_the_same_process_is_killed(sleeper: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    record_of(sleeper).save(tmp_path / "record.json")
    loaded = ProcessRecord.load(tmp_path / "record.json")
    assert loaded == record_of(sleeper)
    loaded.kill()
    assert sleeper.wait(5) == -9
    assert not loaded.alive()
    loaded.kill()


@pytest.mark.parametrize("change", ["started", "boot"])
def test_another_with_the_same_pid_is_spared(sleeper: "subprocess.Popen[bytes]", change: str) -> None:
    mine = record_of(sleeper)
    stranger = replace(mine, started=1) if change == "started" else replace(mine, boot="another")
    assert not stranger.alive()
    stranger.kill()
    assert sleeper.poll() is None
    assert stranger.children() == ()


def test_a_torn_record_is_none(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert ProcessRecord.load(path) is None
    for text in ("", "{", "[]", '{"pid": 1}'):
        path.write_text(text)
        assert ProcessRecord.load(path) is None


def test_what_fails_says_so_plainly() -> None:
    with pytest.raises(OperatorNeededError, match="'no-such-program' is not installed"):
        run(["no-such-program"])
    with pytest.raises(OperatorNeededError, match="failed: .*nowhere"):
        run(["ls", "/nowhere"])
    with pytest.raises(OperatorNeededError, match="did not end within"):
        run(["sleep", "5"], timeout=0.1)
    with pytest.raises(RetryableError, match="in vain: it rains"):
        wait_until("it rains", lambda: False, deadline=0.05, interval=0.01)


def test_a_file_is_replaced_whole_with_the_mode_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "deep/secret"
    write_atomically(path, "one", 0o600)
    write_atomically(path, "two", 0o600)
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
