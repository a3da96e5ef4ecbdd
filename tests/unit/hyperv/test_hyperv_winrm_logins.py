"""Every way of logging in, by unmodified pywinrm, against the simulated host."""

import pytest
from hyperv_peer import NAME, PASSWORD, REALM, Peer

WAYS = [
    ("ntlm", "http"),
    ("ntlm", "https"),
    ("kerberos", "http"),
    ("kerberos", "https"),
    ("credssp", "http"),
    ("credssp", "https"),
    ("certificate", "https"),
    ("basic", "https"),
]


def session(peer: Peer, transport: str, scheme: str, **options: object) -> "object":
    import winrm

    world = peer.world
    given: dict[str, object] = {"ca_trust_path": str(world.authority.certificate), "operation_timeout_sec": 5}
    login = ("administrator", PASSWORD)
    if transport == "kerberos":
        login = (f"administrator@{REALM}", "")
        given["kerberos_hostname_override"] = NAME
    if transport == "certificate":
        given |= {"cert_pem": str(world.client.certificate), "cert_key_pem": str(world.client.key)}
    return winrm.Session(peer.url(scheme), auth=login, transport=transport, **given, **options)


@pytest.fixture
def _ticket(peer: Peer) -> None:
    """pywinrm's Kerberos uses a ticket that is there already."""
    from drover.hypervisors.hyperv import target, tickets

    spec = peer.spec("kerberos", "http")
    with tickets.ticket(target.read(spec), spec.login or "", spec.password or ""):
        pass


@pytest.mark.usefixtures("_ticket")
@pytest.mark.parametrize(("transport", "scheme"), WAYS)
def test_unmodified_pywinrm_runs_powershell(peer: Peer, transport: str, scheme: str) -> None:
    result = session(peer, transport, scheme).run_ps("hello")
    assert result.status_code == 0
    assert b"administrator" in result.std_out.lower()
    assert result.std_out.endswith(b"says hello\r\n")
    seen = peer.status()["requests"]
    assert [request["action"] for request in seen] == ["Create", "Command", "Receive", "Signal", "Delete"]
    assert {request["protocol"] for request in seen} == {transport}
    sealing = transport in ("ntlm", "kerberos", "credssp")
    assert {request["sealed"] for request in seen} == {scheme == "http" and sealing}
