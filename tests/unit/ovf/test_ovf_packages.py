"""Whole packages of ours: made from a host's machine, read by others and by us; altered, halved or killed, refused."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from fake_host import FakeHost
from packages import MIB, contents, data, members, ova, silent

from drover.errors import BadInputError, CorruptionError, DroverError, OperatorNeededError
from drover.model import PowerState
from drover.ovf.exporting import export_machine
from drover.ovf.importing import import_package


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
