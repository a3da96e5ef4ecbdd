"""Whole packages: made from a host's machine and read by others; made by others and read by us; altered and refused."""

import gzip
import hashlib
import io
import os
import random
import subprocess
import tarfile
from pathlib import Path

import pytest
from fake_host import FakeHost
from packages import MIB, foreign, manifest_of, ova, vmdk

from drover.errors import BadInputError, CorruptionError, DroverError, OperatorNeededError
from drover.model import PowerState
from drover.ovf.exporting import export_machine
from drover.ovf.importing import import_package

NETWORKS = {"NAT": "production"}


def silent(_progress: object) -> None:
    """Nobody looks."""


def data(seed: int, size: int = 2 * MIB) -> bytes:
    """Random bytes with a hole in them."""
    content = bytearray(random.Random(seed).randbytes(size))
    content[MIB // 2 : MIB] = bytes(MIB // 2)
    return bytes(content)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost("a", tmp_path / "a")


@pytest.fixture
def other(tmp_path: Path) -> FakeHost:
    return FakeHost("b", tmp_path / "b")


@pytest.fixture
def exported(host: FakeHost, tmp_path: Path) -> Path:
    host.add("web ..%2f<&>", {"vda": data(1), "vdb": data(2, 3 * MIB)}, PowerState.OFF)
    path = tmp_path / "web.ova"
    export_machine(host, "web ..%2f<&>", path, progress=silent)
    return path


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def contents(host: FakeHost, name: str) -> list[bytes]:
    return [Path(disk.path).read_bytes() for disk in host.known[name].disks]


def test_descriptor_first_then_the_manifest_then_the_disks(exported: Path) -> None:
    names = list(members(exported))
    assert [name.rpartition(".")[2] for name in names] == ["ovf", "mf", "vmdk", "vmdk"]
    assert not [path for path in exported.parent.iterdir() if "part" in path.name]


def test_the_manifest_is_what_sha256sum_says(exported: Path) -> None:
    files = members(exported)
    lines = next(text for name, text in files.items() if name.endswith(".mf")).decode().splitlines()
    expected = [
        f"SHA256({name})= {hashlib.sha256(text).hexdigest()}" for name, text in files.items() if "mf" not in name
    ]
    assert lines == expected


def test_qemu_img_reads_the_disks(exported: Path, tmp_path: Path) -> None:
    disks = [text for name, text in members(exported).items() if name.endswith(".vmdk")]
    for number, text in enumerate(disks):
        (tmp_path / "one.vmdk").write_bytes(text)
        subprocess.run(["qemu-img", "convert", "-O", "raw", tmp_path / "one.vmdk", tmp_path / "one.raw"], check=True)
        assert (tmp_path / "one.raw").read_bytes() == data(number + 1, (number + 2) * MIB)


def test_an_export_is_imported_as_it_was(exported: Path, host: FakeHost, other: FakeHost) -> None:
    done = import_package(other, exported, progress=silent)
    made, before = done.machine, host.known["web ..%2f<&>"]
    assert contents(other, made.name) == contents(host, before.name)
    assert (made.name, made.uuid, made.cpu, made.memory, made.nics) == (
        before.name, before.uuid, before.cpu, before.memory, before.nics,
    )  # fmt: skip
    assert made.ownership is not None
    assert made.ownership.role == "committed"
    assert (done.manifest, done.notes) == (True, ())


def test_a_folder_is_exported_and_imported_too(host: FakeHost, other: FakeHost, tmp_path: Path) -> None:
    host.add("web", {"vda": data(1)}, PowerState.OFF)
    export_machine(host, "web", tmp_path / "web", progress=silent)
    assert sorted(path.name for path in (tmp_path / "web").iterdir()) == ["web-disk1.vmdk", "web.mf", "web.ovf"]
    for number, path in enumerate((tmp_path / "web", tmp_path / "web" / "web.ovf")):
        import_package(other, path, name=f"web{number}", progress=silent)
        assert contents(other, f"web{number}") == [data(1)]
    assert other.known["web0"].uuid != other.known["web1"].uuid, "a machine under another name is another machine"


@pytest.mark.parametrize("kind", ["ovf", "mf", "vmdk"])
def test_one_wrong_byte_is_refused(exported: Path, other: FakeHost, tmp_path: Path, kind: str) -> None:
    files = members(exported)
    name = next(name for name in files if name.endswith(kind))
    changed = bytearray(files[name])
    changed[len(changed) // 2] ^= 1
    with pytest.raises(DroverError) as caught:
        import_package(other, ova(tmp_path / "bad.ova", {**files, name: bytes(changed)}), progress=silent)
    assert isinstance(caught.value, CorruptionError) or kind == "mf"
    assert other.known == {}, "nothing may be made of it"
    if kind == "vmdk":
        assert str(caught.value) == (
            f"The file '{name}' in package {tmp_path / 'bad.ova'} is not what its manifest says: it was altered or "
            "damaged. Get the package anew from whoever made it."
        )


def test_a_wrong_byte_is_what_the_check_above_sees(exported: Path, other: FakeHost, tmp_path: Path) -> None:
    import_package(other, ova(tmp_path / "good.ova", members(exported)), progress=silent)
    assert len(other.known) == 1


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


def test_half_an_ova_is_refused(exported: Path, other: FakeHost, tmp_path: Path) -> None:
    half = tmp_path / "half.ova"
    half.write_bytes(exported.read_bytes()[: exported.stat().st_size // 2])
    with pytest.raises(DroverError, match=r"half\.ova is no whole OVA file|is damaged"):
        import_package(other, half, progress=silent)
    (tmp_path / "text.ova").write_text("hello")
    with pytest.raises(BadInputError, match=r"text\.ova is no whole OVA file"):
        import_package(other, tmp_path / "text.ova", progress=silent)
    assert other.known == {}


def test_a_name_that_is_taken_is_refused(exported: Path, host: FakeHost) -> None:
    with pytest.raises(OperatorNeededError, match=r"There is a machine 'web \.\.%2f<&>' already\. Import it under"):
        import_package(host, exported, progress=silent)


def test_a_killed_import_is_repeated(exported: Path, other: FakeHost, staging: Path) -> None:
    from fake_host import Killed

    for at in range(1, 40):
        other.killer.seen, other.killer.at = 0, at
        try:
            import_package(other, exported, progress=silent)
            break
        except Killed:
            continue
    else:
        pytest.fail("it never came to its end")
    assert at > 5
    assert contents(other, "web ..%2f<&>") == [data(1), data(2, 3 * MIB)]
    assert list(staging.iterdir()) == []


def test_what_is_there_is_not_overwritten(host: FakeHost, exported: Path) -> None:
    before = exported.read_bytes()
    with pytest.raises(BadInputError, match=r"web\.ova is there already\."):
        export_machine(host, "web ..%2f<&>", exported, progress=silent)
    assert exported.read_bytes() == before


def test_a_killed_export_leaves_nothing_in_the_way(host: FakeHost, tmp_path: Path) -> None:
    host.add("web", {"vda": data(1)}, PowerState.OFF)
    (tmp_path / "x.ova.drover-part").mkdir()
    with pytest.raises(BadInputError, match="is in the way, and no export made it"):
        export_machine(host, "web", tmp_path / "x.ova", progress=silent)
    (tmp_path / "x.ova.drover-part" / "drover-export").touch()
    (tmp_path / "x.ova.drover-part" / "half.vmdk").write_bytes(b"half")
    export_machine(host, "web", tmp_path / "x.ova", progress=silent)
    assert len(members(tmp_path / "x.ova")) == 3


def test_a_full_disk_is_told_before_anything_is_written(
    exported: Path, host: FakeHost, other: FakeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(OperatorNeededError, match=r"needs \d+ bytes in the staging folder .*, and 1 are free"):
        import_package(other, exported, progress=silent)
    with pytest.raises(
        OperatorNeededError, match=r"The export of machine 'web.* needs \d+ bytes in .*, and 1 are free"
    ):
        export_machine(host, "web ..%2f<&>", tmp_path / "new.ova", progress=silent)
    assert not (tmp_path / "new.ova").exists()
