"""What breaks in the middle: a plain sentence each time, and never a shell that stays behind.

That nothing is left is asserted by the `peer` fixture after every test, at the host's control socket.
"""

import socket
import threading
import time
from typing import Any

import pytest
from breaking import BROKE
from hyperv_peer import Peer

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import shell
from drover.hypervisors.hyperv.session import Session

pytestmark = pytest.mark.usefixtures("impatient")

ACTIONS = ("Create", "Command", "Send", "Receive")
DROPS = [{"when": "before"}, {"when": "after"}, {"after_bytes": 7}]


def drops() -> list[Any]:
    return [pytest.param(drop, id="-".join(map(str, drop.values()))) for drop in DROPS]


@pytest.mark.parametrize("drop", drops())
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("transport", "scheme"), [("ntlm", "http"), ("kerberos", "http"), ("basic", "https")])
def test_a_connection_that_breaks_leaves_no_shell(
    peer: Peer, transport: str, scheme: str, action: str, drop: dict[str, Any]
) -> None:
    peer.goes_wrong("drop", action=action, **drop)
    with Session(peer.spec(transport, scheme)) as session, pytest.raises(RetryableError) as caught:
        session.run("echo")
    assert str(caught.value) == BROKE
    assert peer.shells == []
    with Session(peer.spec(transport, scheme)) as session:
        assert session.run("echo", {"a": 1}) == [{"a": 1}]


@pytest.mark.parametrize("drop", drops())
def test_a_shell_whose_deletion_breaks_is_deleted_over_another_connection(peer: Peer, drop: dict[str, Any]) -> None:
    peer.goes_wrong("drop", action="Delete", **drop)
    with Session(peer.spec("credssp", "http")) as session:
        assert session.run("echo", {"a": 1}) == [{"a": 1}]
    assert peer.shells == []
    assert [request["action"] for request in peer.status()["requests"]].count("Delete") == 2


def test_a_shell_of_which_we_never_heard_is_found_and_deleted(peer: Peer) -> None:
    """Only ours: a shell that somebody else opened for the same login stays."""
    theirs = Session(peer.spec())._connect()
    other = theirs.open_shell(env_vars={shell.MARK: "another"})
    peer.goes_wrong("drop", action="Create", when="after")
    with Session(peer.spec()) as session, pytest.raises(RetryableError):
        session.run("echo")
    assert [left["id"] for left in peer.shells] == [other]
    theirs.close_shell(other)


def test_the_connection_is_cut_while_a_script_runs(peer: Peer) -> None:
    threading.Timer(0.5, peer.ask, ("drop",)).start()
    with Session(peer.spec("ntlm", "http")) as session, pytest.raises(RetryableError) as caught:
        session.run("wait")
    assert str(caught.value) == BROKE


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_host_restarts_while_a_script_runs(peer: Peer, scheme: str) -> None:
    threading.Timer(0.5, peer.ask, ("reboot",), {"seconds": 0.1}).start()
    with Session(peer.spec("ntlm", scheme)) as session:
        with pytest.raises(RetryableError, match=r"^The connection to 127\.0\.0\.1 broke\."):
            session.run("wait")
        assert session.run("echo", {"a": 1}) == [{"a": 1}]


def test_a_shell_that_is_lost_without_the_connection(peer: Peer) -> None:
    """An administrator deletes it, or it was idle for too long."""

    def delete_it() -> None:
        protocol = Session(peer.spec())._connect()
        protocol.close_shell(peer.shells[0]["id"])

    threading.Timer(0.5, delete_it).start()
    with Session(peer.spec("ntlm", "http")) as session, pytest.raises(RetryableError) as caught:
        session.run("wait")
    assert caught.value.message == "127.0.0.1 lost the command that ran there; WinRM or the host was restarted."


def test_winrm_is_off(peer: Peer) -> None:
    spec, port = peer.spec("ntlm", "http"), peer.port("http")
    peer.ask("stop")
    with Session(spec) as session, pytest.raises(RetryableError) as caught:
        session.run("echo")
    assert str(caught.value) == (
        f"WinRM is not running on 127.0.0.1: nothing listens at port {port}. Start it there with 'winrm quickconfig', "
        "or correct host and port in the connection."
    )


def test_winrm_is_stopped_while_a_script_runs(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    threading.Timer(0.5, peer.ask, ("stop",)).start()
    with Session(peer.spec()) as session, pytest.raises(RetryableError, match="broke"):
        session.run("wait")
    assert "A shell on 127.0.0.1 could not be deleted; it ends by itself in three minutes." in caplog.text


def test_something_else_answers(peer: Peer) -> None:
    peer.goes_wrong("status", action="Create", status=404)
    with Session(peer.spec()) as session, pytest.raises(OperatorNeededError) as caught:
        session.run("echo")
    assert caught.value.message == f"There is no WinRM at {peer.url('https')}: something else answers there."


def test_winrm_is_busy(peer: Peer) -> None:
    peer.goes_wrong("status", action="Create", status=503)
    with (
        Session(peer.spec()) as session,
        pytest.raises(RetryableError, match=r"not available at the moment \(HTTP 503\)"),
    ):
        session.run("echo")


def test_the_quota_of_shells_is_reached(peer: Peer) -> None:
    theirs = Session(peer.spec())._connect()
    opened = [theirs.open_shell() for _ in range(3)]  # what this host allows
    with Session(peer.spec()) as session, pytest.raises(RetryableError) as caught:
        session.run("echo")
    assert str(caught.value) == (
        "The login of this connection has as many shells open on 127.0.0.1 as WinRM allows. Wait until other programs "
        "of this login are done, or raise MaxShellsPerUser there."
    )
    for place, shell_id in enumerate(opened):
        theirs.close_shell(shell_id, close_session=place == 2)


@pytest.mark.parametrize("action", ["Create", "Command", "Receive", "Delete"])
def test_a_host_that_does_not_answer_in_time(peer: Peer, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drover.hypervisors.hyperv.session.READ", 2)
    monkeypatch.setattr("drover.hypervisors.hyperv.session.OPERATION", 1)
    peer.goes_wrong("slow", action=action, seconds=120)
    began = time.monotonic()
    with Session(peer.spec("ntlm", "http")) as session:
        if action == "Delete":
            assert session.run("echo", {"a": 1}) == [{"a": 1}]
        else:
            with pytest.raises(RetryableError) as caught:
                session.run("echo")
            assert caught.value.message == f"127.0.0.1 does not answer at port {peer.port('http')}."
    assert time.monotonic() - began < 60


def test_of_a_host_that_nobody_knows_no_shell_is_said_to_be_left(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = []

    def unknown(*name: object, **_: object) -> list[object]:
        asked.append(name[0])
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with Session(peer.spec("ntlm", "http")) as session, pytest.raises(DroverError, match="is not known here"):
        session.run("echo")
    assert len(asked) == 1, "nobody looks there for a shell"
    assert "could not be deleted" not in caplog.text


def test_a_killed_task_leaves_its_shell_for_a_short_time_only(peer: Peer) -> None:
    """What ends without a word cannot delete: the host does, when nobody asked for its idle time."""
    protocol = Session(peer.spec())._connect()
    protocol.open_shell(idle_timeout="PT1S")
    protocol.transport.close_session()
    assert len(peer.shells) == 1
    until = time.monotonic() + 10
    while peer.shells:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert shell.IDLE == "PT180S"
