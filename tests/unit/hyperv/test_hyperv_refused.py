"""Logins, certificates and messages that the host refuses: one sentence each, with what to do."""

import asyncio
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hyperv_peer import NAME, PASSWORD, Pair, Peer, World, issue, kerberos_password

from drover.errors import OperatorNeededError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv.session import Session
from drover_lab.hyperv.realm import Realm

ENABLED = (
    "Check login and password, and that this way of logging in is enabled there (winrm get winrm/config/service/auth)."
)


def refused(spec: ConnectionSpec) -> str:
    with Session(spec) as session, pytest.raises(OperatorNeededError) as caught:
        session.run("echo")
    return str(caught.value)


@pytest.mark.parametrize(
    ("transport", "scheme"),
    [("ntlm", "http"), ("ntlm", "https"), ("credssp", "http"), ("credssp", "https"), ("basic", "https")],
)
def test_a_wrong_password(peer: Peer, transport: str, scheme: str) -> None:
    said = refused(peer.spec(transport, scheme, password="wrong"))
    assert said == f"127.0.0.1 refuses the login of the connection 'hv_a' by {transport}. {ENABLED}"
    assert "wrong" not in said.replace("wrong password", "")


def test_a_wrong_password_for_kerberos(peer: Peer) -> None:
    said = refused(peer.spec("kerberos", "http", password="wrong"))
    assert said == (
        "The domain refuses the login administrator@LAB.TEST of the connection 'hv_a'. Check login and password."
    )


def test_a_login_without_rights(peer: Peer) -> None:
    for spec in (peer.spec(login="guest"), peer.spec("kerberos", "http", login="guest@LAB.TEST")):
        assert refused(spec) == (
            "The login of this connection may not use WinRM on 127.0.0.1. Make it a member of Hyper-V Administrators "
            "and of Remote Management Users there."
        )


def test_a_certificate_that_nobody_mapped(peer: Peer, tmp_path: Path) -> None:
    other = issue(tmp_path, "other", peer.world.authority)
    said = refused(peer.spec("certificate", cert_file=str(other.certificate), key_file=str(other.key)))
    assert said.startswith("127.0.0.1 knows no login for the certificate of the connection 'hv_a'. Map the certificate")


def test_a_host_whose_certificate_is_not_trusted(peer: Peer, tmp_path: Path) -> None:
    stranger = issue(tmp_path, "stranger")
    said = refused(peer.spec(ca_file=str(stranger.certificate)))
    assert said.startswith("The certificate of 127.0.0.1 is not trusted: self-signed certificate in certificate chain")
    assert peer.status()["requests"] == []


def test_a_host_by_a_name_that_is_not_in_its_certificate(peer: Peer) -> None:
    said = refused(peer.spec(host="localhost"))
    assert said.startswith("The certificate of localhost is not trusted: Hostname mismatch")


def test_a_certificate_is_not_checked_where_the_connection_says_so(peer: Peer) -> None:
    with Session(peer.spec(host="localhost", verify_certificate=False, ca_file=None)) as session:
        assert session.run("echo", {"a": 1}) == [{"a": 1}]


UNSEALED = (
    "127.0.0.1 refuses a message that is neither sealed nor sent over HTTPS. Use https, or one of the transports ntlm, "
    "kerberos and credssp."
)


@pytest.mark.parametrize("transport", ["ntlm", "kerberos", "credssp"])
def test_a_message_that_is_not_sealed_is_refused(peer: Peer, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from winrm.transport import Transport

    monkeypatch.setattr(Transport, "setup_encryption", lambda self, session: None)
    assert refused(peer.spec(transport, "http")) == UNSEALED
    assert peer.status()["requests"] == []


def test_a_password_is_not_taken_over_http(peer: Peer) -> None:
    """Not even from somebody who sends it: the product never does."""
    import winrm
    from winrm.exceptions import WinRMTransportError

    login = ("administrator", PASSWORD)
    session = winrm.Session(peer.url("http"), auth=login, transport="plaintext", ca_trust_path=None)
    with pytest.raises(WinRMTransportError) as caught:
        session.run_ps("hello")
    assert (caught.value.code, caught.value.response_text) == (500, "")


def test_a_sealed_message_that_was_altered_is_refused(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    from winrm.encryption import Encryption

    wrapped = Encryption._build_ntlm_message

    def altered(self: Encryption, message: bytes, host: str) -> bytes:
        sealed = bytearray(wrapped(self, message, host))
        sealed[-1] ^= 1
        return bytes(sealed)

    monkeypatch.setattr(Encryption, "_build_ntlm_message", altered)
    with Session(peer.spec("ntlm", "http")) as session, pytest.raises((OperatorNeededError, RetryableError)):
        session.run("echo")
    assert peer.status()["requests"] == []
    peer.ask("clear")


@contextmanager
def man_in_the_middle(pair: Pair, port: int) -> Iterator[int]:
    """Speaks TLS to both ends, with a certificate that the client trusts. One thread alone touches a connection.

    :returns: its port.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    listener = socket.create_server(("127.0.0.1", 0))

    async def pump(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                to.write(data)
                await to.drain()
        to.close()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        anything = ssl._create_unverified_context()
        there, back = await asyncio.open_connection("127.0.0.1", port, ssl=anything)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def serve() -> None:
        await asyncio.start_server(through, sock=listener, ssl=context)
        await asyncio.to_thread(over.wait)

    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join()


def test_a_login_is_bound_to_the_certificate_that_the_client_saw(peer: Peer, tmp_path: Path) -> None:
    other = issue(tmp_path, NAME, peer.world.authority)
    with man_in_the_middle(other, peer.port("https")) as port:
        assert "refuses the login" in refused(peer.spec("ntlm", port=port))
        # What is not bound passes, which shows that the way through is open.
        with Session(peer.spec("basic", port=port)) as session:
            assert session.run("echo", {"a": 1}) == [{"a": 1}]


def faketime(offset: str) -> dict[str, str]:
    """The environment of a process whose clock is off."""
    files = subprocess.run(["dpkg", "-L", "libfaketime"], capture_output=True, text=True, check=True).stdout.split()
    library = next(file for file in files if file.endswith("libfaketime.so.1"))
    return {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_the_hosts_clock_is_off(world: World) -> None:
    late = world.host("late", environment=faketime("-20m"))
    try:
        assert refused(late.spec("kerberos", "http")) == (
            "The clocks of 127.0.0.1 and of this machine differ by 20 minutes, and Kerberos allows five minutes. Set "
            "both clocks by the same time server."
        )
        assert late.shells == []
    finally:
        late.end()


def test_the_kdcs_clock_is_off(peer: Peer, tmp_path: Path) -> None:
    realm = Realm.anywhere("LATE.TEST", tmp_path / "realm")
    realm.make({"administrator": kerberos_password()}, {})
    kdc = realm.start(faketime("+20m"))
    try:
        said = refused(peer.spec("kerberos", "http", login="administrator@LATE.TEST", kdc=realm.kdc))
    finally:
        kdc.kill()
        kdc.wait()
    assert said.startswith("The clocks of the KDC of LATE.TEST and of this machine differ by 20 minutes, and Kerberos")


def test_a_kdc_that_does_not_answer(peer: Peer) -> None:
    spec = peer.spec("kerberos", "http", login="administrator@GONE.TEST", kdc="127.0.0.1:9")
    with Session(spec) as session, pytest.raises(RetryableError) as caught:
        session.run("echo")
    assert str(caught.value) == "No KDC of GONE.TEST answers. Try again when it does, or correct the kdc."


def test_a_realm_that_nobody_knows(peer: Peer) -> None:
    said = refused(peer.spec("kerberos", "http", login="administrator@NOWHERE.TEST", kdc=None))
    assert said == "Nothing here says where the KDC of NOWHERE.TEST is. Name it as kdc in the connection."


def test_a_host_that_the_domain_does_not_know(peer: Peer) -> None:
    said = refused(peer.spec("kerberos", "http", kerberos_host="hv-z.lab.test"))
    assert said == (
        "The domain knows no service HTTP/hv-z.lab.test. Name the host in the connection as the domain does, or give "
        "its name as kerberos_host."
    )


def test_a_kdc_is_never_a_line_of_configuration(peer: Peer) -> None:
    said = refused(peer.spec("kerberos", "http", kdc="127.0.0.1\n}\n[libdefaults]"))
    assert re.match("The connection 'hv_a' has a realm or a kdc that cannot be one.", said)


def test_a_password_is_in_no_log(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for transport, scheme in (("ntlm", "http"), ("kerberos", "http"), ("credssp", "http"), ("basic", "https")):
        with Session(peer.spec(transport, scheme)) as session:
            session.run("echo")
    assert caplog.text
    for secret in (PASSWORD, kerberos_password()):
        assert secret not in caplog.text
