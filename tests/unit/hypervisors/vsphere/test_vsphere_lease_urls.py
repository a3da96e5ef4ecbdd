"""A vCenter's login goes to the vCenter alone: an ESXi host that a lease names knows the transfer by its ticket."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from datastore_server import certificate

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.vsphere import nfc, tls
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


# Which disk an address stands for


def url(key: str, *, import_key: str | None = "", disk: bool | None = True) -> Any:
    """As a vCenter tells it. :param import_key: empty: the same place, after the machine's name."""
    told = f"/web/{key.rpartition('/')[2]}" if import_key == "" else import_key
    return SimpleNamespace(key=key, importKey=told, disk=disk, url=f"https://*/nfc/{key}", sslThumbprint=None)


@pytest.mark.parametrize(
    ("urls", "names", "expected"),
    [
        pytest.param(
            [
                url("/vm-123/ParaVirtualSCSIController0:0"),
                url("/vm-123/VirtualLsiLogicSASController1:15"),
                url("/vm-123/VirtualBusLogicController2:3"),
                url("/vm-123/VirtualAHCIController0:1"),
                url("/vm-123/VirtualNVMEController0:0"),
                url("/vm-123/VirtualIDEController1:0"),
                url("/vm-123/nvram", disk=False),
            ],
            ["ide1:0", "scsi0:0", "scsi1:15", "scsi2:3", "sata0:1", "nvme0:0"],
            {"scsi0:0": 0, "scsi1:15": 1, "scsi2:3": 2, "sata0:1": 3, "nvme0:0": 4, "ide1:0": 5},
            id="each by its place, whatever the order",
        ),
        pytest.param(
            [url("/vm-123/VirtualLsiLogicController0:1"), url("/vm-123/VirtualLsiLogicController0:0")],
            ["scsi0:0", "scsi0:1"],
            {"scsi0:1": 0, "scsi0:0": 1},
            id="not in the machine's order",
        ),
        pytest.param(
            [url("52de-1", import_key="/web/VirtualLsiLogicController0:1"), url("52de-2", import_key=None)],
            ["scsi0:1"],
            {"scsi0:1": 0},
            id="the import's key counts, and what has no place is none of the disks",
        ),
        pytest.param(
            [url("52de-1", import_key=None), url("nvram", disk=False), url("52de-2", import_key=None, disk=None)],
            ["scsi0:0", "sata0:0"],
            {"scsi0:0": 0, "sata0:0": 2},
            id="no places at all: the machine's order, without what is no disk",
        ),
        pytest.param(
            [url("52de-1", import_key=None)],
            ["scsi0:0", "sata0:0"],
            {},
            id="no places, and another number: nobody knows which is which",
        ),
    ],
)
def test_a_disk_is_known_by_the_place_that_the_lease_names(
    urls: list[Any], names: list[str], expected: dict[str, int]
) -> None:
    found = nfc._devices(urls, names)
    assert {name: one.url for name, one in found.items()} == {name: urls[at].url for name, at in expected.items()}
    assert all(one.disk == name for name, one in found.items())
