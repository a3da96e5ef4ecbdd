"""A datastore's file over HTTPS as an NBD export: the same bytes, whatever happens to line and login meanwhile."""

import hashlib
import random
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from datastore_server import Datastore, Login

from drover.blocks.endpoint import Endpoint
from drover.blocks.images import create_image, serve_image
from drover.blocks.mover import copy
from drover.blocks.nbd_client import Connection
from drover.blocks.ranges import Range
from drover.blocks.throttle import Throttle
from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import folder
from drover.hypervisors.vsphere.folder import DataFile, serve, truly_empty, why_not
from drover.model import DiskFormat

MIB = 1 << 20
NAME = "web %2f 'x'/web-flat.vmdk"
URL = "/folder/web%20%252f%20%27x%27/web-flat.vmdk"


def content() -> bytes:
    data = bytearray(random.Random(5).randbytes(12 * MIB))
    data[2 * MIB : 6 * MIB] = bytes(4 * MIB)
    return bytes(data)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Datastore]:
    made = Datastore(tmp_path, {URL: content()})
    yield made
    made.close()


@pytest.fixture
def session(store: Datastore) -> Any:
    return Login(store, ca_file=str(store.pem))


def read_one(session: Any, meanwhile: Callable[[], object] = lambda: None) -> bytes:
    """The first sector. :param meanwhile: done after the disk was opened."""
    with serve(session, FILE, None) as uri, Connection(Endpoint(uri, "the disk")) as line:
        meanwhile()
        return bytes(line.read(Range(0, 512)))


FILE = DataFile("site a", "data & store", NAME, 12 * MIB)
DATA = [(0, 2 * MIB), (6 * MIB, 6 * MIB)]


def fetch(session: Any, data: list[tuple[int, int]] | None, target: Path) -> Any:
    create_image(target, DiskFormat.RAW, 12 * MIB)
    with serve(session, FILE, data) as uri, serve_image(target, format="raw", read_only=False) as written:
        return copy(Endpoint(uri, "the disk"), written, journal=None, throttle=Throttle(), progress=lambda _: None)


@pytest.mark.parametrize("data", [None, DATA], ids=["everything", "ranges"])
def test_the_same_bytes_arrive(session: Any, tmp_path: Path, data: Any) -> None:
    done = fetch(session, data, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == content()
    assert done.bytes_read == (12 * MIB if data is None else 8 * MIB)


def test_several_requests_are_under_way(session: Any, store: Datastore, tmp_path: Path) -> None:
    store.patience = 5.0
    fetch(session, None, tmp_path / "target")
    assert store.most_busy > 1
    path, wanted = store.asked[0]
    assert path == f"{URL}?dcPath=site+a&dsName=data+%26+store"
    assert wanted.startswith("bytes=")


def test_a_line_that_breaks_is_no_failure(session: Any, store: Datastore, tmp_path: Path) -> None:
    store.breaks = 5
    fetch(session, None, tmp_path / "target")
    assert store.breaks == 0
    assert (tmp_path / "target").read_bytes() == content()


def test_a_session_that_is_ended_meanwhile_is_no_failure(session: Any, store: Datastore, tmp_path: Path) -> None:
    create_image(tmp_path / "target", DiskFormat.RAW, 12 * MIB)
    with serve(session, FILE, None) as uri, Connection(Endpoint(uri, "the disk")) as line:
        line.read(Range(0, 512))
        store.cookie = "session=2"
        assert line.read(Range(MIB, MIB)) == content()[MIB : 2 * MIB]
    assert session.renewed == 1


def test_a_server_that_stays_away_is_told_as_such(
    session: Any, store: Datastore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(folder, "PATIENCE", 1.0)
    started = time.monotonic()
    with pytest.raises(RetryableError, match=r"127\.0\.0\.1 takes no connection: nothing listens there\.") as caught:
        read_one(session, store.close)
    assert time.monotonic() - started > 1
    assert caught.value.remedy == "Try again when the server answers."


def test_a_file_that_is_gone_is_told_as_such(session: Any, store: Datastore) -> None:
    with pytest.raises(OperatorNeededError, match=r"127\.0\.0\.1 answers 404 Not Found to GET /folder/web"):
        read_one(session, store.files.clear)


def test_a_disk_that_is_resized_meanwhile_is_not_read(
    session: Any, store: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "PATIENCE", 0.5)
    with pytest.raises(DroverError, match=r"gave 512 bytes \('bytes 0-511/13631488'\) where 512 were asked for"):
        read_one(session, lambda: store.files.update({URL: bytes(13 * MIB)}))


def test_an_unknown_certificate_is_refused(store: Datastore) -> None:
    """The plugin judges by itself, as the session does: here the session would have let it pass."""
    session: Any = Login(store)
    with pytest.raises(OperatorNeededError, match="is signed by nobody whom this worker trusts"):
        read_one(session)


def test_a_pinned_certificate_needs_no_ca_and_no_name(tmp_path: Path) -> None:
    """As ESXi hosts have them: signed by themselves, made out to some other name."""
    store = Datastore(tmp_path, {URL: content()}, name="localhost.localdomain")
    der = ssl.PEM_cert_to_DER_cert(store.pem.read_text())
    pinned: Any = Login(store, thumbprint=hashlib.sha256(der).hexdigest())
    other: Any = Login(store, thumbprint=hashlib.sha256(b"another").hexdigest())
    try:
        assert read_one(pinned) == content()[:512]
        with pytest.raises(OperatorNeededError, match="but the connection expects"):
            read_one(other)
    finally:
        store.close()


def test_no_secret_is_where_others_could_see_it(session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serve(session, FILE, None) as uri:
        base = Path(uri.rpartition("socket=")[2]).parent
        written = b"".join(path.read_bytes() for path in base.iterdir() if path.is_file())
        commands = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(base).encode() in _read(path)]
        assert commands, "nbdkit runs"
        for path in commands:
            written += _read(path) + _read(path.with_name("environ"))
    assert b"a secret" not in written
    assert b"session=1" not in written


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_why_a_file_cannot_be_read_in_parts(session: Any, store: Datastore) -> None:
    assert why_not(session, FILE) is None
    assert why_not(session, DataFile("d", "s", NAME, 5)) == "the file has 12582912 bytes, not 5"
    assert "answers 404 Not Found" in str(why_not(session, DataFile("d", "s", "other", 5)))
    store.ranges = False
    assert why_not(session, FILE) == "127.0.0.1 gives the file only as a whole"


def test_an_answer_of_500_is_asked_again_before_it_is_a_reason(
    session: Any, store: Datastore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "_PAUSE", 0.0)
    store.failures = 2
    assert why_not(session, FILE) is None
    store.failures = 3
    assert why_not(session, FILE) == f"127.0.0.1 answers 500 Internal Server Error to GET {URL}"
    store.failures = 0
    store.close()
    with pytest.raises(RetryableError, match="takes no connection"):
        why_not(session, FILE)


def test_a_list_that_forgets_data_is_seen(session: Any) -> None:
    assert truly_empty(session, FILE, DATA)
    assert not truly_empty(session, FILE, [(0, 2 * MIB)])
    assert truly_empty(session, FILE, [(0, 12 * MIB)])
