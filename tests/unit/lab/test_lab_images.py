"""What the guests' disks are filled with, and the disk that comes of it."""

import hashlib
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from drover.model import DiskFormat
from drover_lab.guests import MIB, Content, DiskSpec, Guest, GuestSpec, guest
from drover_lab.images import initramfs, listing, tree
from drover_lab.kernel import Kernel
from drover_lab.state import LabState
from drover_lab.topology import Topology

LAB = Topology(LabState("one", 7, "800mbit", ()))
SMALL = DiskSpec("vda", DiskFormat.RAW, 64 * MIB, Content.SYSTEM, 1 * MIB)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="planting owners needs root")


def digest(root: Path) -> str:
    """Of names, kinds, modes, owners, times and contents."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*"), key=os.fsencode):
        facts = path.lstat()
        total.update(os.fsencode(path.relative_to(root)))
        total.update(f"{facts.st_mode} {facts.st_uid} {facts.st_gid} {facts.st_nlink} {facts.st_mtime_ns}".encode())
        if path.is_symlink():
            total.update(os.fsencode(os.readlink(path)))
        elif path.is_file():
            total.update(path.read_bytes())
    return total.hexdigest()


def planted(folder: Path, name: str = "web") -> Path:
    folder.mkdir()
    tree.plant(guest(LAB, name), SMALL, folder, 24)
    return folder


def test_the_same_machine_gets_the_same_files_and_another_gets_others(tmp_path: Path) -> None:
    one, two, other = planted(tmp_path / "1"), planted(tmp_path / "2"), planted(tmp_path / "3", "db")
    assert digest(one) == digest(two)
    assert digest(one) != digest(other)


def test_the_list_of_what_was_planted_knows_every_file_and_every_byte(tmp_path: Path) -> None:
    root = planted(tmp_path / "tree")
    listing.write(root, tmp_path / "before.json")
    before = json.loads((tmp_path / "before.json").read_text())
    assert before["/srv/data/links/second-name"]["digest"] == before["/srv/data/links/original"]["digest"]
    assert {row["type"] for row in before.values()} == {"file", "directory", "link"}
    with open(root / "srv/data/random-0.bin", "r+b") as file:
        byte = file.read(1)[0]
        file.seek(0)
        file.write(bytes([byte ^ 1]))
    listing.write(root, tmp_path / "after.json")
    after = json.loads((tmp_path / "after.json").read_text())
    assert [path for path in before if before[path] != after.get(path)] == ["/srv/data/random-0.bin"]


def test_every_kind_that_is_hard_to_move_is_there(tmp_path: Path) -> None:
    data = planted(tmp_path / "tree") / "srv/data"
    assert (data / "links/original").stat().st_nlink == 3
    assert (data / "links/dangling").is_symlink()
    sparse = (data / "sparse.img").stat()
    assert sparse.st_blocks * 512 < sparse.st_size // 2
    assert os.getxattr(data / "attributes/with-xattrs", "user.drover.note") == "grüße".encode()
    owner = (data / "owners/mode-4755").stat()
    assert (owner.st_uid, owner.st_gid, stat.S_IMODE(owner.st_mode)) == (1003, 2003, 0o4755)
    names = os.listdir(os.fsencode(data / "names"))
    assert any(not name.isascii() for name in names)
    assert b"latin1-\xe9\xe8" in names


def test_the_address_stands_on_the_disk(tmp_path: Path) -> None:
    settings = (planted(tmp_path / "tree") / "etc/machine.conf").read_text().splitlines()
    assert settings == ["NAME=web", "ADDRESS=10.214.7.22/24", "SECOND_DISK="]


def test_ten_thousand_small_files(tmp_path: Path) -> None:
    machine = Guest(GuestSpec("files", 3, guest(LAB, "files").spec.firmware, (SMALL,)), "", "10.0.0.1")
    disk = DiskSpec("vdb", DiskFormat.RAW, 64 * MIB, Content.MANY_FILES, 0)
    tree.plant(machine, disk, tmp_path, 24)
    assert sum(1 for path in (tmp_path / "many").rglob("*") if path.is_file()) == 10_000


def test_modules_are_listed_in_the_order_in_which_they_need_each_other(tmp_path: Path) -> None:
    """A made-up kernel: net needs core, core needs base; one is compressed, as some distributions have them."""
    folder = tmp_path / "lib/modules/6.0"
    (folder / "kernel").mkdir(parents=True)
    for name in ("virtio_net.ko", "core.ko", "base.ko"):
        (folder / "kernel" / name).write_bytes(name.encode())
    import lzma

    (folder / "kernel/button.ko.xz").write_bytes(lzma.compress(b"button.ko"))
    (folder / "modules.dep").write_text(
        "kernel/virtio_net.ko: kernel/core.ko kernel/base.ko\nkernel/core.ko: kernel/base.ko\nkernel/base.ko:\n"
        "kernel/button.ko.xz:\n"
    )
    archive = tmp_path / "initrd.gz"
    initramfs.build(Kernel(tmp_path / "vmlinuz", folder), archive)
    out = tmp_path / "out"
    out.mkdir()
    plain = subprocess.run(["gzip", "-dc", str(archive)], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["cpio", "--quiet", "-id"], cwd=out, input=plain, check=True)
    assert (out / "lib/modules/first").read_text().split() == ["base.ko", "core.ko", "virtio_net.ko", "button.ko"]
    assert (out / "lib/modules/button.ko").read_bytes() == b"button.ko"
    assert os.access(out / "init", os.X_OK)


def test_the_guests_script_is_one_that_busybox_understands() -> None:
    checked = subprocess.run(
        ["busybox", "sh", "-n"], input=initramfs.script().encode(), capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
