"""Backups through Airflow's ObjectStoragePath; tried with `file://`, the one kind that needs no provider."""

import hashlib
from typing import ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from drover.backups.objects import Objects
from drover.backups.shelf import open_shelf
from drover.errors import BadInputError, OperatorNeededError
from drover_airflow.object_store import open_url
from drover_airflow.retention import places


def test_what_is_put_there_is_read_back_listed_and_removed(tmp_path):
    store = open_url(f"file://{tmp_path}/backups")
    (tmp_path / "image").write_bytes(b"x" * 100_000)
    store.put(tmp_path / "image", "w/r/m/vda.qcow2")
    store.write("w/r/m/backup.json", b"{}")

    assert store.keys() == ["w/r/m/backup.json", "w/r/m/vda.qcow2"]
    assert store.keys("w/r") == store.keys()
    assert (store.size("w/r/m/vda.qcow2"), store.size("w/r/m/none")) == (100_000, None)
    assert store.digest("w/r/m/vda.qcow2", hashlib.sha256()) == hashlib.sha256(b"x" * 100_000).hexdigest()
    assert store.read("w/r/m/backup.json") == b"{}"
    store.get("w/r/m/vda.qcow2", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "image").read_bytes()
    for key in (*store.keys(), "w/r/m/none"):
        store.remove(key)
    assert store.keys() == []
    assert store.read("w/r/m/backup.json") is None


def test_the_command_line_finds_it_too(tmp_path):
    shelf = open_shelf(f"file://{tmp_path}/backups/w/r/m")
    assert shelf.label == f"file://{tmp_path}/backups/w/r/m"
    assert not shelf.finished()


def test_a_store_that_nobody_knows_is_told():
    assert open_url("nowhere://bucket/x") is None
    with pytest.raises(BadInputError, match="No object store is known for 's3://c@bucket/x'"):
        open_shelf("s3://c@bucket/x/y")


@pytest.mark.parametrize("url", ["file://nobody@/tmp/x", "file://nobody@bucket/x"])
def test_a_connection_that_is_not_there_is_told_and_no_other_login_is_taken(url):
    """Some providers fall back on whatever login they find on the machine."""
    with pytest.raises(BadInputError, match="There is no Airflow connection 'nobody'"):
        open_url(url)


def test_a_connection_that_is_there_is_no_hindrance(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SOMEBODY", '{"conn_type": "aws"}')
    store = open_url(f"file://somebody@{tmp_path}")
    store.write("w/r/m/backup.json", b"{}")
    assert store.keys() == ["w/r/m/backup.json"]


class Buckets(MemoryFileSystem):
    """As stores with buckets have it: to make a folder makes the bucket, and where there is none nothing is written."""

    protocol = ("s3", "s3a")
    made: ClassVar[list[str]] = []

    def makedirs(self, path, exist_ok=False):
        self.made.append(path)

    def pipe_file(self, path, value, mode="overwrite", **kwargs):
        raise FileNotFoundError("The specified bucket does not exist")

    def put_file(self, lpath, rpath, **kwargs):
        raise FileNotFoundError("The specified bucket does not exist")


def test_a_bucket_that_is_not_there_is_told_and_not_made(tmp_path):
    store = Objects("s3://c@typo/backups", Buckets(), "typo/backups")
    (tmp_path / "image").write_bytes(b"x")
    for write in (lambda: store.write("a/b", b"1"), lambda: store.put(tmp_path / "image", "a/b")):
        with pytest.raises(OperatorNeededError, match=r"nowhere to write s3://c@typo/backups/a/b"):
            write()
    assert Buckets.made == []


def test_the_places_of_all_waves_and_runs(tmp_path, monkeypatch):
    from waves_for_dags import pair, write

    from drover_airflow.kept import keep

    pair(tmp_path)
    monkeypatch.setenv("DROVER_WAVES", str(tmp_path))
    (tmp_path / "wrong.yaml").write_text("wave: [")
    old = write(tmp_path, "old", "  - {name: db, strategy: cold}\n")
    old.write_text(old.read_text().replace("folder: /var/lib/drover/backups", "repository: s3://c@bucket/old"))
    keep(str(old), "run 1", "wave_old")
    old.unlink()
    assert places(tmp_path) == ["/var/lib/drover/backups", "s3://c@bucket/old"]
