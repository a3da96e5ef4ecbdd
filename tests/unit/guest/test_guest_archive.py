"""From a tar stream, an fstab and a saved file to the table of files."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from blake3 import blake3

from drover.errors import CorruptionError
from drover.guest.archive import printable, read_archive
from drover.guest.mounts import Filesystem, mountpoints
from drover.guest.table import COLUMNS, Row, load, save, to_table


def silent() -> None:
    pass


def rows_of(folder: Path) -> dict[str, Row]:
    """As GNU tar in the appliance writes it."""
    stream = subprocess.run(
        ["tar", "-C", str(folder), "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls", "-cf", "-", "."],
        check=True,
        capture_output=True,
    ).stdout
    return {row["path"]: row for row in read_archive(io.BytesIO(stream), silent)}


def test_every_kind_of_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o750)
    (tmp_path / "hello").write_bytes(b"hello")
    (tmp_path / "hello").chmod(0o4755)
    (tmp_path / "name of the same").hardlink_to(tmp_path / "hello")
    (tmp_path / "soft").symlink_to("folder/../hello")
    (tmp_path / "日本").write_bytes(b"")
    os.mkfifo(tmp_path / "fifo")
    with open(tmp_path / "sparse", "wb") as sparse:
        sparse.truncate(3 << 20)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\\name")).write_bytes(b"x")

    rows = rows_of(tmp_path)

    assert {path: row["type"] for path, row in rows.items()} == {
        "/": "directory",
        "/folder": "directory",
        "/hello": "file",
        "/name of the same": "file",
        "/soft": "link",
        "/日本": "file",
        "/fifo": "fifo",
        "/sparse": "file",
        "/bad\\xff\\\\name": "file",
    }
    assert rows["/hello"]["digest"] == rows["/name of the same"]["digest"] == blake3(b"hello").hexdigest()
    assert rows["/hello"]["size"] == rows["/name of the same"]["size"] == 5
    assert (rows["/hello"]["mode"], rows["/folder"]["mode"]) == ("4755", "0750")
    assert rows["/soft"]["link"] == "folder/../hello"
    assert rows["/sparse"]["digest"] == blake3(bytes(3 << 20)).hexdigest()
    assert rows["/hello"]["uid"] == os.getuid()


def test_extended_attributes_are_kept_as_text_whatever_is_in_them() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("./x")
        member.pax_headers = {"SCHILY.xattr.user.b": "\udcff\x00", "SCHILY.xattr.user.a": "1", "mtime": "7.5"}
        archive.addfile(member)
    stream.seek(0)

    (row,) = read_archive(stream, silent)

    assert row["xattrs"] == '{"SCHILY.xattr.user.a": "1", "SCHILY.xattr.user.b": "\\\\xff\\u0000"}'
    assert row["mtime"] == 7


def test_a_stream_that_ends_in_the_middle_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(os.urandom(100_000))
    stream = subprocess.run(["tar", "-C", str(tmp_path), "-cf", "-", "."], check=True, capture_output=True).stdout

    with pytest.raises(tarfile.TarError):
        list(read_archive(io.BytesIO(stream[:50_000]), silent))


def test_names_that_look_alike_stay_apart() -> None:
    assert printable("a\\xff") != printable("a\udcff")


def test_a_table_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    table = to_table(
        [
            {"filesystem": "vdb:0", "path": "/b", "guest_path": "/b", "type": "file", "size": 1 << 60, "digest": "d"},
            {"filesystem": "vda:1", "path": "", "guest_path": "", "type": "swap"},
        ]
    )

    save(table, tmp_path / "table.parquet")

    pd.testing.assert_frame_equal(load(tmp_path / "table.parquet"), table)
    assert list(table.columns) == list(COLUMNS)
    assert list(table["filesystem"]) == ["vda:1", "vdb:0"]
    assert table["size"].to_list()[1] == 1 << 60


@pytest.mark.parametrize("content", [None, b"", b"PAR1 rubbish PAR1"])
def test_a_table_that_cannot_be_read_is_corrupt(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "table.parquet"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CorruptionError):
        load(path)


ROOT = Filesystem("vda:2", "/dev/sda2", "ext4", uuid="aaaa", label="root")
BOOT = Filesystem("vda:1", "/dev/sda1", "vfat", uuid="ABCD-1234")
DATA = Filesystem("vdb:0", "/dev/sdb", "ext4", label="data disk")
HOME = Filesystem("lvm:vg-1/home", "/dev/vg-1/home", "xfs")


def test_mount_points_are_found_by_uuid_label_and_device() -> None:
    fstab = """
    # <file system> <mount point>
    UUID=aaaa       /          ext4 defaults 0 1
    UUID="ABCD-1234" /boot/efi vfat umask=0077 0 1
    /dev/vdb        /srv/my\\040data ext4 defaults 0 2
    /dev/mapper/vg--1-home /home xfs defaults 0 0
    tmpfs           /tmp       tmpfs defaults 0 0
    UUID=gone       /old       ext4 defaults 0 0
    broken
    """

    assert mountpoints({"vda:2": fstab}, [BOOT, ROOT, DATA, HOME]) == {
        "vda:2": "/",
        "vda:1": "/boot/efi",
        "vdb:0": "/srv/my data",
        "lvm:vg-1/home": "/home",
    }


def test_an_ambiguous_label_mounts_nothing() -> None:
    twins = [Filesystem(key, "", "ext4", label="data") for key in ("vdb:1", "vdc:1")]

    assert mountpoints({"vda:2": "LABEL=data /data ext4"}, [ROOT, *twins]) == {"vda:2": "/"}


def test_without_an_fstab_nothing_is_known() -> None:
    assert mountpoints({}, [ROOT]) == {}
