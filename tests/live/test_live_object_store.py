"""An object store of your own keeps what backups need: put, read back, listed, replaced, fetched and removed."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from blake3 import blake3

from drover.backups.objects import Objects, open_objects
from drover.errors import BadInputError, OperatorNeededError

# More than one part of an upload in parts.
SIZE = 70_000_001


@pytest.fixture
def objects(store: str) -> Iterator[Objects]:
    place = open_objects(f"{store.rstrip('/')}/drover-live-{uuid.uuid4().hex}")
    yield place
    for key in place.keys():  # noqa: SIM118  it is no dict
        place.remove(key)
    assert place.keys() == []


def test_what_is_put_there_comes_back(objects: Objects, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(os.urandom(SIZE))
    objects.put(image, "w/r/m/vda.qcow2")
    objects.write("w/r/m/backup.json", b"{}")

    assert objects.keys() == objects.keys("w/r") == ["w/r/m/backup.json", "w/r/m/vda.qcow2"]
    assert objects.size("w/r/m/vda.qcow2") == SIZE
    assert objects.digest("w/r/m/vda.qcow2", blake3()) == blake3(image.read_bytes()).hexdigest()
    objects.get("w/r/m/vda.qcow2", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == image.read_bytes()
    objects.write("w/r/m/backup.json", b"{...}")
    assert (objects.size("w/r/m/backup.json"), objects.read("w/r/m/backup.json")) == (5, b"{...}")
    objects.remove("w/r/m/vda.qcow2")
    assert objects.keys() == ["w/r/m/backup.json"]


def test_what_is_not_there_is_nothing(objects: Objects, tmp_path: Path) -> None:
    assert (objects.size("none"), objects.read("none"), objects.digest("none", blake3())) == (None, None, None)
    with pytest.raises(FileNotFoundError):
        objects.get("none", tmp_path / "none")
    objects.remove("none")


def test_a_bucket_or_a_connection_that_is_not_there_is_told(store: str) -> None:
    kind, _, place = store.partition("://")
    login, at, _ = place.rpartition("@")
    with pytest.raises(OperatorNeededError, match="nowhere to write"):
        open_objects(f"{kind}://{login}{at}drover-{uuid.uuid4().hex}/x").write("a", b"1")
    with pytest.raises(BadInputError, match="There is no Airflow connection"):
        open_objects(f"{kind}://drover_{uuid.uuid4().hex}@bucket/x")
