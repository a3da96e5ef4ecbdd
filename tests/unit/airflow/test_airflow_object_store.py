"""Backups through Airflow's ObjectStoragePath; tried with `file://`, the one kind that needs no provider."""

import hashlib

import pytest

from drover.backups.shelf import open_shelf
from drover.errors import BadInputError
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
