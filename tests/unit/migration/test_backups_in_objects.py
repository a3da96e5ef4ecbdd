"""Backups in an object store: they arrive and come back whole, or it is told; and they go when their time is over."""

from pathlib import Path

import fsspec
import pytest
from fake_host import FakeHost, Killed

from conftest import STAGES, Site
from drover.backups import objects, restore, retention
from drover.backups.objects import Objects, ObjectShelf
from drover.backups.retention import Fate
from drover.errors import BadInputError, CorruptionError, RetryableError
from drover.migration import backup


@pytest.fixture
def stored(site: Site, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Backups go to fsspec's store in memory, which stands for any other."""
    files = fsspec.filesystem("memory")
    store = Objects("memory://bucket/backups", files, f"/{site.root.name}/backups")
    monkeypatch.setattr(backup, "open_objects", lambda url: store)
    monkeypatch.setattr(retention, "open_objects", lambda url: store)
    monkeypatch.setattr("drover.concerns.gather.open_objects", lambda url: store)
    monkeypatch.setattr("drover.backups.shelf.open_objects", lambda url: store)
    monkeypatch.setenv("DROVER_STAGING", str(site.root / "staging"))
    site.wave["backup"] = {"repository": "memory://bucket/backups", "keep": "30 days"}
    return store


def test_a_backup_goes_to_the_store_and_comes_back(site: Site, stored: Objects, tmp_path: Path) -> None:
    for stage in STAGES:
        site.run(stage)
    keys = stored.keys()
    assert {key.removeprefix("unit/run-1/web/") for key in keys} == {
        "vda.qcow2", "vdb.qcow2", "machine.json", "definition.native", "backup.json",
        "manifests/vda.parquet", "manifests/vdb.parquet",
    }  # fmt: skip
    assert not list((site.root / "staging").rglob("*.qcow2")), "nothing stays on the way"
    other = FakeHost("c", tmp_path / "c")
    shelf = ObjectShelf(stored, "unit", "run-1", "web")

    restore.restore(other, shelf, progress=lambda _: None)

    pairs = zip(other.known["web"].disks, site.source.known["web"].disks, strict=True)
    assert all(Path(a.path).read_bytes() == Path(b.path).read_bytes() for a, b in pairs)
    data = bytearray(stored.read("unit/run-1/web/vda.qcow2") or b"")
    data[len(data) // 2] ^= 1
    stored.write("unit/run-1/web/vda.qcow2", bytes(data))
    with pytest.raises(CorruptionError, match=r"is not whole: vda\.qcow2"):
        restore.restore(other, shelf, name="web-2", progress=lambda _: None)
    assert list(other.known) == ["web"]
    assert [one.fate for one in retention.prune("memory://bucket/backups", site.root / "store", 1e12)] == [Fate.DUE]
    assert stored.keys() == []


def test_what_a_killed_upload_left_is_gone_on_with_or_discarded(
    site: Site, stored: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run_until("backup")
    real, sent = Objects.put, []

    def put(self: Objects, file: Path, key: str) -> None:
        sent.append(key)
        if len(sent) == 3:
            raise Killed
        real(self, file, key)

    monkeypatch.setattr(Objects, "put", put)
    with pytest.raises(Killed):
        site.run("backup")
    reads = site.source.calls.count("read_disks")

    site.run("backup")

    assert site.source.calls.count("read_disks") == reads, "the source is not read twice"
    assert len(sent) == len(set(sent)) + 1, "what had arrived whole is not sent again"
    stored.remove("unit/run-1/web/backup.json")
    site.roll_back()
    assert stored.keys() == []


def test_what_the_store_changes_on_the_way_is_found(
    site: Site, stored: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.run_until("backup")
    real = Objects.put

    def lossy(self: Objects, file: Path, key: str) -> None:
        real(self, file, key)
        if key.endswith("vdb.qcow2"):
            data = bytearray(self.read(key) or b"")
            data[-1] ^= 1
            self.write(key, bytes(data))

    monkeypatch.setattr(Objects, "put", lossy)
    with pytest.raises(CorruptionError, match=r"vdb\.qcow2 in .* is not what was sent there"):
        site.run("backup")
    assert stored.read("unit/run-1/web/backup.json") is None


def test_no_cutover_where_the_store_lost_a_part(site: Site, stored: Objects) -> None:
    site.run_until("cutover")
    stored.remove("unit/run-1/web/vda.qcow2")
    with pytest.raises(CorruptionError, match=r"is not whole: vda\.qcow2"):
        site.run("cutover")


def test_an_error_of_the_store_says_where_and_quotes_nothing(tmp_path: Path) -> None:
    class Broken:
        def cat_file(self, path: str) -> bytes:
            raise OSError("https://key:secret@store answered 503")

    with pytest.raises(RetryableError) as caught:
        Objects("s3://c@b/p", Broken(), "b/p").read("x")  # type: ignore[arg-type]
    assert "s3://c@b/p/x (OSError)" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(BadInputError, match="No object store is known for 'nowhere://x'"):
        objects.open_objects("nowhere://x")
