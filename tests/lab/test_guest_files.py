"""Guest files read with the real libguestfs appliance, and compared; about a minute and a half under emulation."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from blake3 import blake3

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import serve_image
from drover.errors import DroverError, RetryableError
from drover.guest.files import read_both, read_files
from drover.model import DiskFormat
from drover.quality import guest_files

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make device nodes")]

SECRET = b"a file whose bytes are easily found on its disk"
MIB = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def appliance() -> Iterator[None]:
    from drover_lab.appliance import appliance_environment

    with pytest.MonkeyPatch.context() as patch:
        for name, value in appliance_environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """vda: a partition with files, one for swap, one with bytes that are no filesystem. vdb: LVM, as after a crash."""
    folder = tmp_path_factory.mktemp("disks")
    system = folder / "system.raw"
    _tree(folder / "tree")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(folder / "tree"), str(folder / "ext4"), "24M"], check=True)
    (folder / "swap").write_bytes(bytes(4 * MIB))
    subprocess.run(["mkswap", "-q", str(folder / "swap")], check=True, capture_output=True)
    raw = random.Random(1).randbytes(MIB)
    layout = "label: dos\nstart=1MiB,size=24MiB,type=83\nstart=25MiB,size=4MiB,type=82\nstart=29MiB,size=1MiB,type=83\n"
    with open(system, "wb") as file:
        file.truncate(32 * MIB)
    subprocess.run(["sfdisk", "-q", str(system)], input=layout.encode(), check=True)
    with open(system, "r+b") as file:
        for start, part in ((1, (folder / "ext4").read_bytes()), (25, (folder / "swap").read_bytes()), (29, raw)):
            file.seek(start * MIB)
            file.write(part)
    return {"vda": system, "vdb": _crashed_lvm(folder)}


def _tree(tree: Path) -> None:
    for name in ("etc", "srv/ünï ço", "var/log", "dev", "many"):
        (tree / name).mkdir(parents=True)
    (tree / "etc/fstab").write_text("LABEL=data /srv/data ext4 defaults 0 2\n")
    (tree / "srv/secret").write_bytes(SECRET)
    (tree / "srv/again").hardlink_to(tree / "srv/secret")
    (tree / "srv/soft").symlink_to("secret")
    (tree / "srv/ünï ço/日本").write_text("x")
    with open(tree / "srv/sparse", "wb") as sparse:
        sparse.truncate(20 * MIB)
    (tree / "srv/tool").write_bytes(b"#!")
    os.chown(tree / "srv/tool", 12, 34)
    (tree / "srv/tool").chmod(0o4750)
    os.setxattr(tree / "srv/tool", "user.colour", b"red\xff\n")
    # The capability that setcap writes for cap_net_raw+ep.
    os.setxattr(tree / "srv/tool", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000"))
    os.mknod(tree / "dev/null", 0o020666, os.makedev(1, 3))
    os.mkfifo(tree / "dev/fifo")
    (tree / "var/log/messages").write_text("before\n")
    for number in range(200):
        (tree / f"many/{number}").write_text(str(number))


def _crashed_lvm(folder: Path) -> Path:
    """Copied while it is mounted: its journal must be replayed, as that of a running machine's snapshot."""
    import guestfs

    live, crashed = folder / "live.raw", folder / "crashed.raw"
    handle = guestfs.GuestFS(python_return_dict=True)
    try:
        handle.disk_create(str(live), "raw", 32 * MIB)
        handle.add_drive_opts(str(live), format="raw", readonly=False)
        handle.set_memsize(512)
        handle.launch()
        handle.pvcreate("/dev/sda")
        handle.vgcreate("vg-1", ["/dev/sda"])
        handle.lvcreate("files", "vg-1", 24)
        handle.mkfs("ext4", "/dev/vg-1/files", label="data")
        handle.mount("/dev/vg-1/files", "/")
        handle.write("/ledger", b"written before the crash")
        handle.sync()
        shutil.copyfile(live, crashed)
        handle.umount_all()
    finally:
        handle.close()
    return crashed


@contextmanager
def served(disks: dict[str, Path]) -> Iterator[dict[str, Endpoint]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(serve_image(path, format=DiskFormat.RAW, read_only=True))
            for name, path in disks.items()
        }


def read(disks: dict[str, Path], **options: Any) -> pd.DataFrame:
    with served(disks) as ends:
        return read_files(ends, **options)


@pytest.fixture(scope="module")
def before(disks: dict[str, Path]) -> pd.DataFrame:
    return read(disks)


def row(table: pd.DataFrame, filesystem: str, path: str) -> dict[str, Any]:
    (found,) = table[(table["filesystem"] == filesystem) & (table["path"] == path)].to_dict("records")
    return {str(key): value for key, value in found.items()}


def test_everything_on_the_disks_is_told(before: pd.DataFrame) -> None:
    kinds = before[before["path"] == ""].set_index("filesystem")["type"].to_dict()
    assert kinds == {"vda:2": "swap", "vda:3": "blocks", "vdb:0": "container"}
    assert set(before["filesystem"]) == {"vda:1", "vda:2", "vda:3", "vdb:0", "lvm:vg-1/files"}
    assert row(before, "vda:3", "")["digest"] == blake3(random.Random(1).randbytes(MIB)).hexdigest()
    assert before[before["path"].str.startswith("/many/")].shape[0] == 200


def test_every_kind_of_file_is_read_as_it_is(before: pd.DataFrame) -> None:
    secret = row(before, "vda:1", "/srv/secret")
    assert secret["digest"] == row(before, "vda:1", "/srv/again")["digest"] == blake3(SECRET).hexdigest()
    assert row(before, "vda:1", "/srv/soft")["link"] == "secret"
    assert row(before, "vda:1", "/srv/sparse")["digest"] == blake3(bytes(20 * MIB)).hexdigest()
    assert row(before, "vda:1", "/srv/ünï ço/日本")["size"] == 1
    tool = row(before, "vda:1", "/srv/tool")
    assert (tool["mode"], tool["uid"], tool["gid"]) == ("4750", 12, 34)
    assert "user.colour" in tool["xattrs"]
    assert "security.capability" in tool["xattrs"]
    assert (row(before, "vda:1", "/dev/null")["type"], row(before, "vda:1", "/dev/null")["link"]) == ("char", "1:3")
    assert row(before, "vda:1", "/dev/fifo")["type"] == "fifo"


def test_a_journal_is_replayed_and_mount_points_are_known(before: pd.DataFrame) -> None:
    ledger = row(before, "lvm:vg-1/files", "/ledger")

    assert ledger["digest"] == blake3(b"written before the crash").hexdigest()
    assert ledger["guest_path"] == "/srv/data/ledger"


def test_damage_at_the_target_is_told_by_file(disks: dict[str, Path], before: pd.DataFrame, tmp_path: Path) -> None:
    """Byte by byte in the image, as a faulty storage would do it; and a filesystem that cannot be mounted any more."""
    damaged = {name: Path(shutil.copy(path, tmp_path / name)) for name, path in disks.items()}
    _change_secret(damaged["vda"])
    content = damaged["vdb"].read_bytes()
    # The superblock's list of features that must be understood, after its magic number at 0x38.
    magic = content.index(b"\x53\xef\x01\x00") if b"\x53\xef\x01\x00" in content else content.index(b"\x53\xef\x00\x00")
    with open(damaged["vdb"], "r+b") as file:
        file.seek(magic - 0x38 + 0x64)
        file.write(b"\xff\xff\xff\xff")

    after = read(damaged)
    verdict = guest_files.validate(before, after, ("/var/log/**",), tmp_path / "quality")

    assert not verdict.passed
    assert row(after, "vda:1", "/srv/tool") == row(before, "vda:1", "/srv/tool") | {
        "mtime": row(after, "vda:1", "/srv/tool")["mtime"]
    }
    told = " ".join(verdict.failures)
    assert "2 files changed in their content: /srv/again (vda:1), /srv/secret (vda:1)." in told
    assert "lvm:vg-1/files" in told


def _change_secret(image: Path) -> None:
    content = image.read_bytes()
    with open(image, "r+b") as file:
        file.seek(content.index(SECRET))
        file.write(b"A")


def test_equal_disks_pass(disks: dict[str, Path], before: pd.DataFrame, tmp_path: Path) -> None:
    verdict = guest_files.validate(before, read(disks), (), tmp_path)

    assert (verdict.passed, verdict.failures) == (True, ())


def test_one_appliance_reads_both_ends_and_does_not_mix_them_up(
    disks: dict[str, Path], before: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The same filesystem, by its UUID, twice; with disks of the same names, in another order."""
    blank = tmp_path / "blank"
    blank.write_bytes(bytes(MIB))
    changed = Path(shutil.copy(disks["vda"], tmp_path / "changed"))
    _change_secret(changed)

    with (
        served({"vda": disks["vda"]}) as here,
        served({"vdb": blank, "vda": changed}) as there,
        caplog.at_level("INFO"),
    ):
        first, second = read_both(here, there)

    assert "each is read by itself" not in caplog.text
    alone = before[before["filesystem"].str.startswith("vda:")].reset_index(drop=True)
    pd.testing.assert_frame_equal(first.drop(columns="guest_path"), alone.drop(columns="guest_path"))
    assert set(second["filesystem"]) == {"vda:1", "vda:2", "vda:3", "vdb:0"}
    expected = blake3(b"A" + SECRET[1:]).hexdigest()
    assert row(second, "vda:1", "/srv/secret")["digest"] == expected != row(first, "vda:1", "/srv/secret")["digest"]
    assert row(second, "vda:3", "") == row(first, "vda:3", "")


def test_ends_with_volume_groups_of_the_same_identity_are_read_apart(
    disks: dict[str, Path], before: pd.DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changed = Path(shutil.copy(disks["vdb"], tmp_path / "changed"))
    content = changed.read_bytes()
    with open(changed, "r+b") as file:
        file.seek(content.index(b"written before the crash"))
        file.write(b"W")

    with served({"vdb": disks["vdb"]}) as here, served({"vdb": changed}) as there, caplog.at_level("INFO"):
        first, second = read_both(here, there)

    assert "each is read by itself" in caplog.text
    ledger = row(before, "lvm:vg-1/files", "/ledger")["digest"]
    assert row(first, "lvm:vg-1/files", "/ledger")["digest"] == ledger
    assert row(second, "lvm:vg-1/files", "/ledger")["digest"] != ledger


def _alive(marker: str) -> list[str]:
    """Processes of ours whose command line holds this path."""
    found = subprocess.run(["ps", "-eo", "pid,args", "--no-headers", "-ww"], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if marker in line]


def test_an_export_that_never_answers_is_given_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf.sock"))
        deaf.listen()
        end = Endpoint(f"nbd+unix:///?socket={tmp_path / 'deaf.sock'}", "machine x, disk vda", True)
        began = time.monotonic()

        with pytest.raises(RetryableError, match="machine x, disk vda"):
            read_files({"vda": end}, deadline=3.0)

    assert time.monotonic() - began < 15
    assert _alive(str(tmp_path)) == []


def test_an_export_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(DroverError, match="machine x, disk vda"):
        read_files({"vda": Endpoint(f"nbd+unix:///?socket={tmp_path}/none", "machine x, disk vda", True)})


def test_a_killed_caller_leaves_no_appliance(disks: dict[str, Path], tmp_path: Path) -> None:
    program = (
        "import sys; from drover.blocks.endpoint import Endpoint; from drover.guest.files import read_files\n"
        "read_files({'vda': Endpoint(sys.argv[1], 'vda')})"
    )
    with serve_image(disks["vda"], format=DiskFormat.RAW, read_only=True) as end:
        caller = subprocess.Popen([sys.executable, "-c", program, end.uri], env={**os.environ, "TMPDIR": str(tmp_path)})
        try:
            _wait(lambda: any("qemu-system" in line for line in _alive(str(tmp_path))))
        finally:
            caller.send_signal(signal.SIGKILL)
            caller.wait()
        _wait(lambda: not _alive(str(tmp_path)))


def _wait(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
