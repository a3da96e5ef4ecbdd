"""The look from outside at a finished move sees a single wrong byte wherever it lies."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from lab_moves import STAGES, LabMove

from drover_lab.demo import proof
from drover_lab.demo.ends import Image, end
from drover_lab.images import tree
from drover_lab.process import wait_until

pytestmark = pytest.mark.lab
FILE = "srv/data/random-1.bin"


def told(move: LabMove, what: proof.Move) -> dict[str, str]:
    return {finding.what: finding.problem for finding in proof.prove(move.lab, what) if finding.problem}


def seeded(move: LabMove, image: Image, folder: Path) -> tuple[int, int]:
    """Where on the disk a seeded file's second block lies, and its first byte."""
    guest = move.lab.machines[move.name]
    (folder / "tree").mkdir()
    tree.plant(guest, guest.spec.disks[0], folder / "tree", 24)
    block = (folder / "tree" / FILE).read_bytes()[4096:8192]
    raw = folder / "raw"
    subprocess.run(["qemu-img", "convert", "-f", image.format, "-O", "raw", image.path, raw], check=True)
    return raw.read_bytes().index(block), block[0]


@contextmanager
def wrong_byte(image: Image, offset: int, right: int) -> Iterator[None]:
    """One byte is another for a while. The disk's user is off."""
    write(image, offset, right ^ 1)
    try:
        yield
    finally:
        write(image, offset, right)


def write(image: Image, offset: int, value: int) -> None:
    command = ["qemu-io", "-f", image.format, "-c", f"write -q -P {value} {offset} 1", str(image.path)]
    subprocess.run(command, check=True)


def test_a_wrong_byte_is_seen_at_the_target_at_the_source_and_in_the_backup(
    moving: Callable[..., LabMove], tmp_path: Path
) -> None:
    move = moving("web")
    lab, guest = move.lab, move.lab.machines["web"]
    # A guest's clock may be half a second ahead of this machine's, and its journal is as young as its disk.
    wait_until(
        "the journal reaches back", lambda: any(when < time.time() for _, when in lab.journal("web")), deadline=60
    )
    began = time.time()
    move.run(*STAGES[:-1])
    downtime = float(move.run("commit")["downtime_seconds"])
    with move.open() as opened:
        store = opened.store
    made = store.last("backup", "passed")
    assert made is not None
    backup = Path(made.facts["folder"])
    what = proof.Move("web", "kvm-a", "kvm-b", began, downtime, backup, store.path("manifests", "source"))
    assert told(move, what) == {}

    source = end(lab, "kvm-a").images(guest)["vda"]
    offset, right = seeded(move, source, tmp_path)
    look = "source and backup are as they were"
    with wrong_byte(source, offset, right):
        problem = told(move, what)[look]
        assert "disk vda changed after it was moved" in problem
        assert f"disk vda lost what its backup has at byte {offset // 4096 * 4096}" in problem
        unread = replace(what, still=None)  # as after a live move that nobody stopped to compare
        assert told(move, unread)[look] == f"disk vda lost what its backup has at byte {offset // 4096 * 4096}"
    with wrong_byte(Image(backup / "vda.qcow2", "qcow2"), offset, right):
        assert "the backup of disk vda is not what was backed up" in told(move, what)[look]
    assert told(move, what) == {}

    there = Image(lab.topology.host("kvm-b").folder / "var-lib-libvirt/images" / target_image(move), "qcow2")
    with move.open() as opened:
        opened.target.shut_down("web", 60)
        with wrong_byte(there, offset, right):
            opened.target.power_on("web")
            lab.wait_healthy("web")
            assert told(move, replace(what, downtime=3600.0)) == {
                "has every file that it was made with": f"1 files changed: /{FILE}"
            }
            opened.target.shut_down("web", 60)


def target_image(move: LabMove) -> str:
    with move.open() as opened:
        return Path(opened.target.machine(move.name).disks[0].path).name


def test_missing_changed_and_strange_files_are_told_apart() -> None:
    row = {"type": "file", "size": 1, "mode": "0644", "uid": 0, "gid": 0, "digest": "a", "link": None}
    seeded = {"/a": row, "/b": row, "/c": row}
    found = {"/a": row, "/b": row | {"mode": "0600"}, "/d": row, "/var/log/tick.journal": row}
    assert proof.files_problem(seeded, found) == (
        "1 files missing: /c; 1 files changed: /b; 1 files never put there: /d"
    )
