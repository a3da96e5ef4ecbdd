"""Set-up for real, from a clean clone in a folder with a space in its name: killed in the middle, then twice at once.

Needs the package registries, or their caches.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="set-up needs root"),
]


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """The files of this work tree as they are, committed or not, and nothing that git ignores."""
    target = tmp_path / "a clone"
    target.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    subprocess.run(["cp", "--parents", "--no-dereference", "--", *names, target], cwd=ROOT, check=True)
    yield target
    shutil.rmtree(target)  # a gigabyte, which pytest would keep for three runs


def started(clone: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [clone / "drover", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_killed_set_up_is_mended_by_the_next_and_two_at_once_do_not_collide(clone: Path) -> None:
    with started(clone, "setup") as killed:
        deadline = time.monotonic() + 300
        while not any((clone / ".venv/lib").glob("python*/site-packages/airflow")):  # the packages are being put in
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(killed.pid, signal.SIGKILL)
    assert not (clone / ".drover/venv.stamp").exists()

    with started(clone, "--version") as first, started(clone, "setup") as second:
        for process, words in ((first, "drover "), (second, "")):
            out, err = process.communicate(timeout=600)
            assert process.returncode == 0, err
            assert out.startswith(words)

    again = subprocess.run([clone / "drover", "setup"], capture_output=True, text=True, check=True, timeout=60)
    assert again.stderr == "drover: everything is in place\n"
    listed = subprocess.run([clone / "drover", "--help"], capture_output=True, text=True, check=True, timeout=30)
    assert "verify" in listed.stdout
    # Its own packages, from its own folder: not those of the tree that the test runs in.
    where = subprocess.run(
        [
            clone / ".venv/bin/python",
            "-P",
            "-c",
            "import drover, drover_airflow, drover_lab, nbd, guestfs; print(drover.__file__)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(clone)
