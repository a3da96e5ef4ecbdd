"""Disks over SMB: a real server, real VHDX files, encryption asked for and given."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hyperv_peer import REALM, World, kerberos_password
from samba import Samba
from smb_relay import Relay

from drover.errors import BadInputError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import smb_client
from drover.hypervisors.hyperv.smb import serve
from drover.hypervisors.hyperv.smb_client import RemoteFile, remote_path, share_of
from drover.model import DiskFormat

MIB = 1 << 20


@pytest.fixture(scope="module")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    started = Samba(tmp_path_factory.mktemp("samba"))
    try:
        yield started
    finally:
        started.stop()


def make(path: Path, size: int = 64 * MIB, kind: str = "fixed") -> Path:
    """As Windows makes it: in a fixed one, every block is there."""
    options = f"subformat={kind}" + (",block_state_zero=off" if kind == "fixed" else "")
    subprocess.run(["qemu-img", "create", "-q", "-f", "vhdx", "-o", options, str(path), str(size)], check=True)
    return path


def io(*orders: str, uri: str = "", path: Path | None = None) -> str:
    where = [uri] if uri else ["-f", "vhdx", str(path)]
    read_only = [] if any(order.startswith("write") for order in orders) else ["-r"]
    argv = [
        "qemu-io",
        *read_only,
        *(["-f", "raw"] if uri else []),
        *(part for order in orders for part in ("-c", order)),
        *where,
    ]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("kind", ["fixed", "dynamic"])
def test_a_disk_is_read_as_the_guest_sees_it(samba: Samba, kind: str) -> None:
    image = make(samba.volume / f"Größe 'n [1] {kind}.vhdx", kind=kind)
    io("write -P 0x5a 5M 3M", path=image)
    with serve(share_of(samba.spec()), f"D:\\{image.name}", DiskFormat.VHDX, writable=False) as uri:
        assert "failed" not in io("read -P 0x5a 5M 3M", "read -P 0 8M 20M", uri=uri)


def test_a_disk_is_written_and_left_whole(samba: Samba) -> None:
    image = make(samba.volume / "written.vhdx")
    with serve(share_of(samba.spec()), "D:\\written.vhdx", DiskFormat.VHDX, writable=True) as uri:
        io("write -P 0x42 1M 9M", "write -z 20M 4M", "flush", uri=uri)
    assert "failed" not in io("read -P 0x42 1M 9M", "read -P 0 20M 4M", path=image)
    subprocess.run(["qemu-img", "check", "-q", "-f", "vhdx", str(image)], check=True)


def test_the_version_changes_with_the_bytes(samba: Samba) -> None:
    image = make(samba.volume / "version.vhdx")
    states = set()
    for _ in range(2):
        file = RemoteFile(share_of(samba.spec()), "D:\\version.vhdx", writable=False)
        states.add(file.version)
        assert file.size == image.stat().st_size
        file.close()
        io("write -P 1 1M 1M", path=image)
    assert len(states) == 2


def test_no_secret_is_on_a_command_line(samba: Samba) -> None:
    make(samba.volume / "secret.vhdx")
    with serve(share_of(samba.spec()), "D:\\secret.vhdx", DiskFormat.VHDX, writable=False):
        lines = subprocess.run(["ps", "axeww"], check=True, capture_output=True, text=True).stdout
    assert "nbdkit" in lines
    assert "Sésame" not in lines


def test_what_is_refused_is_one_sentence(samba: Samba) -> None:
    make(samba.volume / "there.vhdx")
    with pytest.raises(OperatorNeededError) as caught:
        RemoteFile(share_of(samba.spec(password="wrong")), "D:\\there.vhdx", writable=False)
    assert caught.value.message == "127.0.0.1 refuses the login of the connection 'hv_a' for files (SMB)."
    with (
        pytest.raises(OperatorNeededError) as caught,
        serve(share_of(samba.spec()), "D:\\not there.vhdx", DiskFormat.VHDX, writable=False),
    ):
        raise AssertionError("served")
    assert caught.value.message == "127.0.0.1 has no D:\\not there.vhdx, or does not share its volume."
    with pytest.raises(OperatorNeededError, match="has no E:"):
        RemoteFile(share_of(samba.spec()), "E:\\there.vhdx", writable=False)
    with pytest.raises(RetryableError) as gone:
        RemoteFile(share_of(samba.spec(smb_port=1)), "D:\\there.vhdx", writable=False)
    assert gone.value.message == "127.0.0.1 does not answer for files (SMB, port 1)."


def opened_and_read(samba: Samba, relay: Relay) -> str:
    """What is wrong, or nothing where the file was read."""
    try:
        file = RemoteFile(share_of(samba.spec(smb_port=relay.port)), "D:\\line.vhdx", writable=False)
        try:
            file.read(0, 2 * MIB)
        finally:
            file.close()
    except RetryableError as error:
        return error.message
    return ""


@pytest.mark.parametrize("way", ["said", "told"])
def test_a_line_that_is_cut_anywhere_is_one_sentence(samba: Samba, way: str) -> None:
    make(samba.volume / "line.vhdx")
    with closing(Relay(samba.port)) as relay:
        for number in range(0, 1500, 250):
            relay.break_after(number, way)
            told = opened_and_read(samba, relay)
            assert told == f"127.0.0.1 does not answer for files (SMB, port {relay.port})."
            assert relay.broken
        relay.mend()
        assert opened_and_read(samba, relay) == ""


@pytest.mark.parametrize("number", [0, 300, 1000, MIB], ids=["greeting", "login", "opening", "reading"])
def test_a_host_that_falls_silent_is_not_waited_for(samba: Samba, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(smb_client, "_SECONDS", 1.0)
    monkeypatch.setattr(smb_client, "_SILENCE", 1)
    make(samba.volume / "line.vhdx")
    with closing(Relay(samba.port)) as relay:
        relay.break_after(number, silently=True)
        before = time.monotonic()
        told = opened_and_read(samba, relay)
        assert told == f"127.0.0.1 does not answer for files (SMB, port {relay.port})."
        assert relay.broken
        assert time.monotonic() - before < 30


def test_by_kerberos_the_host_is_reached_where_it_is_and_asked_for_as_the_domain_calls_it(
    samba: Samba, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lab's Samba is in no domain; which service a ticket was asked for, the KDC's log tells."""
    for name, value in world.realm.environment.items():
        monkeypatch.setenv(name, value)
    make(samba.volume / "there.vhdx")
    names = {"transport": "kerberos", "kerberos_host": "files.lab.test", "kdc": world.realm.kdc}
    spec = samba.spec(**names, password=kerberos_password(), login=f"administrator@{REALM}")
    share = share_of(spec)
    assert (share.server, share.service) == ("127.0.0.1", "files.lab.test")
    with pytest.raises(OperatorNeededError) as caught:
        RemoteFile(share, "D:\\there.vhdx", writable=False)
    assert caught.value.message == "The domain knows no service cifs/files.lab.test."
    assert f"cifs/files.lab.test@{REALM}" in (world.realm.folder / "kdc.log").read_text()


@pytest.mark.parametrize("port", ["smb", "44 5", 0, -1, 70000, 445.5])
def test_a_port_that_is_none_is_refused(samba: Samba, port: object) -> None:
    with pytest.raises(BadInputError) as caught:
        share_of(samba.spec(smb_port=port))
    assert caught.value.message == f"The connection 'hv_a' has the smb_port '{port}', which is no port."


def test_a_file_that_somebody_writes_is_not_read(samba: Samba) -> None:
    make(samba.volume / "busy.vhdx")
    writer = RemoteFile(share_of(samba.spec()), "D:\\busy.vhdx", writable=True)
    with pytest.raises(RetryableError, match="is in use by another program"):
        RemoteFile(share_of(samba.spec()), "D:\\busy.vhdx", writable=False)
    writer.close()
    RemoteFile(share_of(samba.spec()), "D:\\busy.vhdx", writable=False).close()


def test_a_server_that_cannot_encrypt_is_refused(tmp_path: Path) -> None:
    plain = Samba(tmp_path / "samba", encrypt="off")
    try:
        make(plain.volume / "plain.vhdx")
        with pytest.raises(OperatorNeededError) as caught:
            RemoteFile(share_of(plain.spec()), "D:\\plain.vhdx", writable=False)
        assert caught.value.message == "127.0.0.1 cannot encrypt what it sends over SMB."
        RemoteFile(share_of(plain.spec(smb_encrypt=False)), "D:\\plain.vhdx", writable=False).close()
    finally:
        plain.stop()


def test_paths_that_no_share_of_the_host_has_are_refused() -> None:
    assert remote_path("hv1", "d:\\a b\\c.vhdx") == "\\\\hv1\\d$\\a b\\c.vhdx"
    for path in ("\\\\nas\\vms\\c.vhdx", "c.vhdx", "\\\\?\\Volume{1}\\c.vhdx"):
        with pytest.raises(OperatorNeededError, match="does not lie on the host hv1 itself"):
            remote_path("hv1", path)


def test_a_connection_without_a_password_has_no_disks(samba: Samba) -> None:
    spec = samba.spec(transport="certificate", password="")
    with pytest.raises(BadInputError, match="has no login and password, and disks are reached over SMB with them"):
        share_of(spec)
