import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from disks import MIB, convert, flip, make_raw, nbdkit

from drover.cli import main

SIZE = 48 * MIB
ALL = [(0, SIZE)]


class Done:
    """What a command left: its exit code and what it wrote."""

    def __init__(self, *arguments: object) -> None:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            self.code = main([str(argument) for argument in arguments])
        self.out, self.err = out.getvalue(), err.getvalue()


def drover(*arguments: object, code: int = 0) -> Any:
    """Runs the command with --json; returns what it wrote, parsed where it has a result."""
    done = Done(*arguments, "--json")
    assert done.code == code, done.err
    return json.loads(done.out) if code in (0, 1) else done.err


def start(*arguments: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "drover", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def journal_of(target: Path) -> Path:
    return target.parent / f".{target.name}.drover-journal"


def interrupt(source: object, target: Path, number: int, *, done: int) -> int:
    """Starts a slow copy and ends it with a signal once so many bytes are in the journal; how many those were."""
    process = start("copy", source, target, "--bandwidth", "40 MiB/s")
    until = time.monotonic() + 30
    try:
        while journaled(target) < done and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert process.poll() is None, "it was done before it could be interrupted"
        os.kill(process.pid, number)
    finally:
        process.wait(30)
    return journaled(target)


def journaled(target: Path) -> int:
    """Bytes that the journal calls safe, from its length: a header, and 48 bytes a chunk of 4 MiB."""
    with suppress(FileNotFoundError):
        content = journal_of(target).read_bytes()
        header = 8 + 4 + int.from_bytes(content[8:12], "little") + 8
        return (len(content) - header) // 48 * 4 * MIB
    return 0


@pytest.mark.parametrize("name", ["copy.raw", "copy.qcow2", "copy.vmdk", "copy.vhdx"])
def test_a_copy_is_made_verified_and_compared(folder: Path, name: str) -> None:
    source = make_raw(folder / "source.raw", SIZE, [(0, 5 * MIB), (30 * MIB, MIB)])
    facts = drover("copy", source, folder / name)
    assert facts["verified"] is True
    assert facts["size"] == SIZE == facts["bytes_read"] + facts["bytes_skipped"]
    assert facts["bytes_resumed"] == 0
    assert drover("verify", source, folder / name) == {"equal": True, "size": SIZE, "differences": []}
    assert sorted(path.name for path in folder.iterdir()) == sorted(["source.raw", name])
    assert (folder / name).stat().st_blocks * 512 < 40 * MIB, "holes stay holes"


def test_differences_and_sizes_are_told(folder: Path) -> None:
    source = make_raw(folder / "source.raw", SIZE, [(0, MIB)])
    other = convert(source, folder / "other.qcow2", "qcow2")
    flip(source, 70_000)
    facts = drover("verify", source, other, code=1)
    assert facts == {"equal": False, "size": SIZE, "differences": [{"offset": 70_000, "length": 1}]}
    os.truncate(source, SIZE - 512)
    facts = drover("verify", source, other, code=1)
    assert facts["sizes"] == [SIZE - 512, SIZE]
    assert facts["differences"][-1] == {"offset": SIZE - 512, "length": 512}
    words = Done("verify", source, other)
    assert words.code == 1
    assert "Different sizes" in words.out
    assert "bytes 70000 to 70000" in words.out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_copy_resumes(folder: Path, number: int) -> None:
    source, target = make_raw(folder / "source.raw", SIZE, ALL), folder / "copy.qcow2"
    safe = interrupt(source, target, number, done=12 * MIB)
    facts = drover("copy", source, target)
    assert facts["bytes_resumed"] == safe >= 12 * MIB
    assert facts["bytes_read"] == SIZE - safe
    assert drover("verify", source, target)["equal"]
    assert not journal_of(target).exists()


def test_a_copy_from_an_export_resumes(folder: Path) -> None:
    source, target = make_raw(folder / "source.raw", SIZE, ALL), folder / "copy.raw"
    with nbdkit(folder, "a", "file", str(source)) as server:
        safe = interrupt(server.endpoint.uri, target, signal.SIGKILL, done=12 * MIB)
        assert drover("copy", server.endpoint.uri, target)["bytes_resumed"] == safe
    assert target.read_bytes() == source.read_bytes()


def test_a_copy_to_an_export_keeps_its_journal_in_the_state_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    source, target = make_raw(folder / "source.raw", SIZE, ALL), make_raw(folder / "target.raw", SIZE, [])
    with nbdkit(folder, "b", "file", str(target)) as server:
        process = start("copy", source, server.endpoint.uri, "--bandwidth", "40 MiB/s")
        until = time.monotonic() + 30
        while time.monotonic() < until and not any(
            path.stat().st_size > 48 * 12 for path in folder.glob("state/drover/copies/*.journal")
        ):
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert drover("copy", source, server.endpoint.uri)["bytes_resumed"] > 0
        assert drover("verify", server.endpoint.uri, source)["equal"]
    assert list(folder.glob("state/drover/copies/*")) == []


def test_a_source_that_changed_after_the_interruption_is_copied_anew(folder: Path) -> None:
    source, target = make_raw(folder / "source.raw", SIZE, ALL), folder / "copy.raw"
    interrupt(source, target, signal.SIGKILL, done=12 * MIB)
    flip(source, 100)
    assert drover("copy", source, target)["bytes_resumed"] == 0
    assert target.read_bytes() == source.read_bytes()
    assert drover("verify", source, target)["equal"]


def test_a_source_that_shrank_after_the_interruption_gets_a_target_of_its_size(folder: Path) -> None:
    source, target = make_raw(folder / "source.raw", SIZE, ALL), folder / "copy.raw"
    interrupt(source, target, signal.SIGKILL, done=8 * MIB)
    os.truncate(source, SIZE - MIB)
    assert drover("copy", source, target)["size"] == SIZE - MIB == target.stat().st_size


def test_a_source_that_shrinks_while_it_is_copied_is_a_failure(folder: Path) -> None:
    source, target = make_raw(folder / "source.raw", SIZE, ALL), folder / "copy.raw"
    process = subprocess.Popen(
        [sys.executable, "-m", "drover", "copy", str(source), str(target), "--bandwidth", "80 MiB/s"],
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 30
    while journaled(target) < 8 * MIB and time.monotonic() < until:
        time.sleep(0.02)
    os.truncate(source, SIZE // 2)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"shrank from {SIZE} to {SIZE // 2} bytes" in errors


def test_nothing_is_overwritten(folder: Path) -> None:
    source = make_raw(folder / "source.raw", MIB, [(0, MIB)])
    mine = make_raw(folder / "mine.raw", MIB, [(0, MIB)], seed=2)
    before = mine.read_bytes()
    for target in (mine, source, folder):
        assert "is there already" in drover("copy", source, target, code=2)
    (folder / "link.raw").symlink_to(folder / "nowhere.raw")
    assert "is there already" in drover("copy", source, folder / "link.raw", code=2)
    assert mine.read_bytes() == before


def test_a_file_put_in_the_place_of_an_unfinished_copy_is_left_alone(folder: Path) -> None:
    source, target = make_raw(folder / "source.raw", SIZE, ALL), folder / "copy.raw"
    interrupt(source, target, signal.SIGKILL, done=8 * MIB)
    mine = make_raw(folder / "mine.raw", SIZE, [(0, MIB)], seed=3)
    before = mine.read_bytes()
    os.replace(mine, target)
    assert "is there already" in drover("copy", source, target, code=2)
    assert target.read_bytes() == before


def test_an_unfinished_copy_of_another_source_is_left_alone(folder: Path) -> None:
    source, target = make_raw(folder / "source.raw", SIZE, ALL), folder / "copy.raw"
    interrupt(source, target, signal.SIGKILL, done=8 * MIB)
    other = Path(shutil.copy(source, folder / "other.raw"))
    assert "unfinished copy of another source" in drover("copy", other, target, code=2)


@pytest.mark.parametrize("name", ["nothing.raw", "text", "", "nbd+unix:///?socket=/nowhere", "http://host/disk", "."])
def test_nonsense_gives_a_sentence_and_2(folder: Path, name: str) -> None:
    good = make_raw(folder / "good.raw", MIB, [])
    (folder / "text").write_text("this is no disk\n")
    end = name if "://" in name or not name else folder / name
    for arguments in (("verify", good, end), ("verify", end, good), ("copy", end, folder / "new.raw")):
        words = drover(*arguments, code=2)
        assert words.count("\n") == 2, "one sentence, and what to do"
    assert not (folder / "new.raw").exists()


def test_wrong_options_give_a_sentence_and_2(folder: Path) -> None:
    good = make_raw(folder / "good.raw", MIB, [])
    assert "bandwidth" in drover("copy", good, folder / "new.raw", "--bandwidth", "fast", code=2)
    assert "--format" in drover("copy", good, folder / "new", code=2)
    assert "no folder" in drover("copy", good, folder / "no" / "new.raw", code=2)
    torn = make_raw(folder / "torn.raw", MIB + 100, [(0, MIB)])
    assert "cut off" in drover("copy", torn, folder / "new.raw", code=2)
    assert drover("copy", good, folder / "new", "--format", "vmdk")["verified"]


def test_the_bandwidth_is_kept_and_used(folder: Path) -> None:
    source = make_raw(folder / "source.raw", SIZE, ALL)
    facts = drover("copy", source, folder / "copy.raw", "--bandwidth", "40 MiB/s")
    rate = SIZE / facts["seconds"] / (40 * MIB)
    assert 0.9 < rate < 1.2


def test_a_copy_that_did_not_arrive_has_the_same_keys(folder: Path) -> None:
    """A target that takes every byte and keeps none."""
    source = make_raw(folder / "a.raw", 8 * MIB, [(0, 4 * MIB)])
    good = drover("copy", source, folder / "b.raw")
    with nbdkit(folder, "null", "null", str(8 * MIB)) as server:
        bad = drover("copy", source, server.endpoint.uri, code=1)
    assert set(good) | {"error"} == set(bad)
    assert (bad["size"], bad["bytes_read"], bad["digest"]) == (8 * MIB, good["bytes_read"], good["digest"])
    assert bad["verified"] is False
    assert "does not hold what was written to it" in bad["error"]
