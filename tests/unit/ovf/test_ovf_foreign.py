"""Packages that others have made: read tolerantly, held against their manifest, and refused where they would harm."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from fake_host import FakeHost
from packages import MIB, contents, data, foreign, manifest_of, ova, silent, vmdk

from drover.errors import BadInputError, CorruptionError
from drover.ovf.importing import import_package

NETWORKS = {"NAT": "production"}


@pytest.fixture
def foreign_files(tmp_path: Path) -> dict[str, bytes]:
    disk = vmdk(tmp_path / "made.vmdk", data(7)).read_bytes()
    files = {"foreign.ovf": foreign(), "foreign-disk1.vmdk": disk}
    return {"foreign.ovf": files["foreign.ovf"], "foreign.mf": manifest_of(files), "foreign-disk1.vmdk": disk}


def test_a_foreign_package_is_imported(foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path) -> None:
    done = import_package(other, ova(tmp_path / "f.ova", foreign_files), networks=NETWORKS, progress=silent)
    assert contents(other, "foreign") == [data(7)]
    assert (done.manifest, done.notes) == (True, ("'sound' is left out",))


def test_a_missing_manifest_is_told(foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path) -> None:
    del foreign_files["foreign.mf"]
    foreign_files["foreign.cert"] = b"x"
    done = import_package(other, ova(tmp_path / "f.ova", foreign_files), networks=NETWORKS, progress=silent)
    assert not done.manifest
    assert done.notes[1:] == (
        "the package has no manifest, so nobody can tell whether it is as it was made",
        "the package's signature was not checked",
    )


def test_a_manifest_of_another_name_is_not_passed_over(
    foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path
) -> None:
    foreign_files["other.mf"] = foreign_files.pop("foreign.mf")
    with pytest.raises(BadInputError, match=r"The manifest 'other\.mf' in the .* does not belong to 'foreign\.ovf'\."):
        import_package(other, ova(tmp_path / "f.ova", foreign_files), networks=NETWORKS, progress=silent)


def test_a_gzipped_disk_is_unpacked(foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path) -> None:
    packed = gzip.compress(foreign_files["foreign-disk1.vmdk"])
    files = {"foreign.ovf": foreign(extra=' ovf:compression="gzip"'), "foreign-disk1.vmdk": packed}
    files["foreign.mf"] = manifest_of(files, "sha512")
    import_package(other, ova(tmp_path / "f.ova", files), networks=NETWORKS, progress=silent)
    assert contents(other, "foreign") == [data(7)]
    bad = {**files, "foreign-disk1.vmdk": packed[:-9]}
    del bad["foreign.mf"]
    with pytest.raises(CorruptionError, match=r"The file 'foreign-disk1\.vmdk' in package .* is damaged\."):
        import_package(other, ova(tmp_path / "g.ova", bad), name="new", networks=NETWORKS, progress=silent)


def test_a_disk_that_unpacks_without_end_is_refused(other: FakeHost, tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(200 * MIB))
    files = {"foreign.ovf": foreign(extra=' ovf:compression="gzip"'), "foreign-disk1.vmdk": bomb}
    with pytest.raises(
        BadInputError, match=r"The file 'foreign-disk1\.vmdk' in package .* unpacks to more than \d+ bytes"
    ):
        import_package(other, ova(tmp_path / "f.ova", files), networks=NETWORKS, progress=silent)


def test_sizes_must_be_as_said(foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path) -> None:
    del foreign_files["foreign.mf"]
    short = {**foreign_files, "foreign.ovf": foreign(extra=' ovf:size="5"')}
    with pytest.raises(CorruptionError, match=r"has \d+ bytes, but its descriptor says 5\."):
        import_package(other, ova(tmp_path / "f.ova", short), networks=NETWORKS, progress=silent)
    small = {**foreign_files, "foreign.ovf": foreign(capacity="1")}
    with pytest.raises(CorruptionError, match=r"has 2097152 bytes, but its descriptor says 1048576\."):
        import_package(other, ova(tmp_path / "g.ova", small), networks=NETWORKS, progress=silent)
    gone = {"foreign.ovf": foreign()}
    with pytest.raises(CorruptionError, match=r"The file 'foreign-disk1\.vmdk' is missing in package"):
        import_package(other, ova(tmp_path / "h.ova", gone), networks=NETWORKS, progress=silent)


def test_a_manifest_must_name_every_file(foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path) -> None:
    foreign_files["foreign.mf"] = manifest_of({"foreign.ovf": foreign()})
    with pytest.raises(CorruptionError, match=r"does not name the file 'foreign-disk1\.vmdk'"):
        import_package(other, ova(tmp_path / "f.ova", foreign_files), networks=NETWORKS, progress=silent)


@pytest.mark.parametrize("name", ["../evil.vmdk", "/etc/evil", "a/../../b", "x\\..\\y"])
def test_a_name_that_leads_out_is_refused(
    foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path, name: str
) -> None:
    path = ova(tmp_path / "f.ova", {**foreign_files, name: b"x"})
    with pytest.raises(BadInputError, match=r"which leads out of it or is no plain file\. Do not trust this package\."):
        import_package(other, path, networks=NETWORKS, progress=silent)


def test_links_and_doubles_are_refused(foreign_files: dict[str, bytes], other: FakeHost, tmp_path: Path) -> None:
    for number, change in enumerate(("link", "double")):
        path = ova(tmp_path / f"{number}.ova", foreign_files)
        with tarfile.open(path, "a") as archive:
            info = tarfile.TarInfo("passwd" if change == "link" else "foreign-disk1.vmdk")
            info.type, info.linkname = (tarfile.SYMTYPE, "/etc/passwd") if change == "link" else (tarfile.REGTYPE, "")
            archive.addfile(info, io.BytesIO())
        sentence = "is no plain file" if change == "link" else "holds 'foreign-disk1.vmdk' twice"
        with pytest.raises(BadInputError, match=sentence):
            import_package(other, path, networks=NETWORKS, progress=silent)


def test_a_disk_may_not_read_this_machines_files(other: FakeHost, tmp_path: Path) -> None:
    """A VMDK's descriptor names the files that hold its bytes: this one would read what it has no business with."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 2 * MIB)
    head = '# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType="monolithicFlat"\n'
    text = f'{head}\nRW 4096 FLAT "{secret}" 0\n'
    files = {"foreign.ovf": foreign(), "foreign-disk1.vmdk": text.encode()}
    with pytest.raises(BadInputError, match="and may have been made to read it"):
        import_package(other, ova(tmp_path / "f.ova", files), networks=NETWORKS, progress=silent)


def test_a_disk_that_is_none_is_refused(other: FakeHost, tmp_path: Path) -> None:
    files = {"foreign.ovf": foreign(), "foreign-disk1.vmdk": os.urandom(2 * MIB)}
    with pytest.raises(BadInputError, match="is no virtual disk that Drover knows"):
        import_package(other, ova(tmp_path / "f.ova", files), networks=NETWORKS, progress=silent)
