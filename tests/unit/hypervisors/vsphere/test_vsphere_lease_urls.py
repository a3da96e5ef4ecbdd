"""A vCenter's login goes to the vCenter alone: an ESXi host that a lease names knows the transfer by its ticket."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from datastore_server import certificate

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.vsphere import tls
from drover.hypervisors.vsphere.http import Http
from drover.hypervisors.vsphere.nfc import DeviceUrl, Lease

SECRET = "vmware_soap_session=a secret"


class Line:
    """A connection that keeps what is sent over it."""

    def __init__(self, host: str, port: int, status: int = 200) -> None:
        self.host, self.port, self.status = host, port, status
        self.sent: list[Mapping[str, str]] = []

    def request(self, _method: str, _path: str, body: Any, headers: Mapping[str, str]) -> None:
        self.sent.append(headers)
        while body is not None and body.read(1 << 20):
            """As a server takes it."""

    def getresponse(self) -> Any:
        left = [b"", b"packed"]
        return SimpleNamespace(status=self.status, reason="", headers={}, read=lambda *_: left.pop() if left else b"")

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[Line]]:
    """A session with vc.example.org:443, and the connections that are opened."""
    opened: list[Line] = []
    spec = ConnectionSpec("vc", "vsphere", "vc.example.org", extra={"ca_file": str(certificate(tmp_path)[0])})

    def connection(_trust: Any, host: str, port: int, _timeout: float) -> Line:
        opened.append(Line(host, port))
        return opened[-1]

    monkeypatch.setattr(tls.Trust, "connection", connection)
    http = Http("vc.example.org", 443, tls.trust_of(spec), lambda: SECRET, lambda: pytest.fail("logged in again"))
    return SimpleNamespace(name="vc.example.org", port=443, http=lambda: http, renew=lambda: None), opened


@contextmanager
def lease(session: Any, url: str) -> Iterator[Any]:
    made = Lease.__new__(Lease)
    made._session, made._what, made.percent = session, "a test's transfer", 0
    made.disks = {"scsi0:0": DeviceUrl("key", "scsi0:0", url, "aa" * 32)}
    yield made


@pytest.mark.parametrize(
    ("url", "line", "login"),
    [
        ("https://esx-1.example.org/nfc/52c1-ticket/disk-0.vmdk", ("esx-1.example.org", 443), False),
        ("https://vc.example.org:8443/nfc/52c1-ticket/disk-0.vmdk", ("vc.example.org", 8443), False),
        ("https://vc.example.org/nfc/52c1-ticket/disk-0.vmdk", ("vc.example.org", 443), True),
        ("https://*/nfc/52c1-ticket/disk-0.vmdk", ("vc.example.org", 443), True),
    ],
)
def test_the_login_goes_to_the_server_itself_alone(
    lines: tuple[Any, list[Line]], tmp_path: Path, url: str, line: tuple[str, int], login: bool
) -> None:
    session, opened = lines
    (tmp_path / "packed").write_bytes(b"packed")
    with lease(session, url) as made:
        made.download("scsi0:0", tmp_path / "disk", lambda _: None, 6)
        made.upload("scsi0:0", tmp_path / "packed", lambda _: None)
    assert [(one.host, one.port) for one in opened] == [line] * 2
    assert [sent.get("Cookie") for one in opened for sent in one.sent] == [SECRET if login else None] * 2
