"""Drover's own way to PowerShell: scripts and parameters by standard input, answers as plain values."""

import threading
import time
from pathlib import Path

import pytest
from hyperv_peer import Peer

from drover.errors import BadInputError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv import bootstrap
from drover.hypervisors.hyperv.errors import ScriptError
from drover.hypervisors.hyperv.session import Session

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
# Names that would be orders, if they ever became a part of a script, a command line or XML.
NASTY = {
    "quote": "'; Stop-Computer #",
    "subexpression": "$(id) ${env:USERNAME} `n",
    "newlines": "a\r\nb\0c",
    "cmd": '" & shutdown /s & "%PATH%',
    "xml": '<S S="Error">&amp;]]></S>',
    "json": '"}, "script": "fail"',
    "umlauts": "Größe – Łódź 🐑 O’Brien",
}


@pytest.mark.parametrize(("transport", "scheme"), WAYS)
def test_every_login_runs_a_script(peer: Peer, transport: str, scheme: str) -> None:
    with Session(peer.spec(transport, scheme)) as session:
        (who,) = session.run("who")
    assert "administrator" in who["user"].lower()
    assert who["delegated"] is (transport == "credssp")
    requests = peer.status()["requests"]
    assert {request["protocol"] for request in requests} == {transport}
    assert all(request["sealed"] or request["tls"] for request in requests)


def test_kerberos_can_be_delegated_to_a_second_host(peer: Peer) -> None:
    with Session(peer.spec("kerberos", "http", delegation=True)) as session:
        assert session.run("who")[0]["delegated"] is True


def test_a_login_without_delegation_takes_no_ticket_from_one_with_it(peer: Peer) -> None:
    """The two ends of a live move may have one login, and only the source's needs it at a second host."""
    delegated = []
    for delegation in (True, False, True):
        with Session(peer.spec("kerberos", "http", delegation=delegation)) as session:
            delegated.append(session.run("who")[0]["delegated"])
    assert delegated == [True, False, True]


def test_parameters_arrive_as_they_were(peer: Peer) -> None:
    with Session(peer.spec()) as session:
        assert session.run("echo", NASTY) == [NASTY]


def test_no_parameter_is_ever_on_a_command_line() -> None:
    line = bootstrap.command_line()
    assert len(line) < bootstrap.LONGEST_COMMAND
    document = bootstrap.document("echo", NASTY)
    assert document.isascii()
    assert document.count(b"\n") == 1


def test_the_longest_command_line_is_known() -> None:
    fixed = len(bootstrap.command_line(""))
    longest = (bootstrap.LONGEST_COMMAND - fixed) // 4 * 3 // 2
    bootstrap.command_line("x" * longest)
    with pytest.raises(BadInputError, match="longer than the 8191 that Windows takes"):
        bootstrap.command_line("x" * (longest + 2))


def test_much_output_and_much_input(peer: Peer) -> None:
    text = "ä'" * 200_000
    with Session(peer.spec("ntlm", "http")) as session:
        assert session.run("echo", {"text": text}) == [{"text": text}]
    actions = [request["action"] for request in peer.status()["requests"]]
    assert actions.count("Send") > 1
    assert actions.count("Receive") > 1


def test_what_programs_write_in_another_code_page_changes_nothing(peer: Peer) -> None:
    with Session(peer.spec()) as session:
        assert session.run("noisy") == ["ä'ß€"]


def test_an_error_keeps_its_category_and_id(peer: Peer) -> None:
    error_id = "InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM"
    given = {"category": "InvalidArgument", "id": error_id, "message": 'Hyper-V was unable to find "Müller\'s".'}
    with Session(peer.spec()) as session, pytest.raises(ScriptError) as caught:
        session.run("fail", given)
    assert caught.value.message == 'Hyper-V on 127.0.0.1 says: Hyper-V was unable to find "Müller\'s".'
    assert (caught.value.category, caught.value.id) == ("InvalidArgument", error_id)


def test_an_error_that_passes_may_be_tried_again(peer: Peer) -> None:
    with Session(peer.spec()) as session, pytest.raises(RetryableError, match=r"says: The host is busy\."):
        session.run("fail", {"category": "ResourceBusy", "id": "x", "message": "The host is busy."})


def test_a_right_that_is_missing_is_named(peer: Peer) -> None:
    with Session(peer.spec()) as session, pytest.raises(ScriptError, match="member of Hyper-V Administrators"):
        session.run("fail", {"category": "PermissionDenied", "id": "x", "message": "You do not have permission."})


def test_powershell_that_cannot_answer_is_quoted(peer: Peer) -> None:
    with Session(peer.spec()) as session, pytest.raises(OperatorNeededError) as caught:
        session.run("restricted")
    assert caught.value.message == (
        "PowerShell on 127.0.0.1 ended with 1 and gave no answer: Cannot invoke method. Method invocation is supported "
        "only on core types."
    )


def test_a_script_has_a_deadline(peer: Peer) -> None:
    began = time.monotonic()
    with Session(peer.spec()) as session, pytest.raises(RetryableError) as caught:
        session.run("wait", {"seconds": 60}, deadline=1.5)
    assert caught.value.message == "A command on 127.0.0.1 did not end in time."
    assert time.monotonic() - began < 50


def test_a_script_can_be_cancelled(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drover.hypervisors.hyperv.shell.LOOK", 1)
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with Session(peer.spec()) as session, pytest.raises(RetryableError, match="was cancelled"):
        session.run("wait", {"seconds": 60}, cancelled=stop.is_set)


def test_a_script_may_take_longer_than_one_request(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drover.hypervisors.hyperv.shell.LOOK", 1)
    with Session(peer.spec("ntlm", "http")) as session:
        assert session.run("wait", {"seconds": 2.5}) == ["waited"]
    assert [request["action"] for request in peer.status()["requests"]].count("Receive") == 3


def test_the_ca_may_be_given_as_text(peer: Peer) -> None:
    pem = Path(peer.world.authority.certificate).read_text()
    with Session(peer.spec("ntlm", ca_file=None, ca=pem)) as session:
        assert session.run("echo", {"a": [1, None, True]}) == [{"a": [1, None, True]}]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"scheme": "ftp"}, "The connection 'hv_a' has the scheme 'ftp'."),
        ({"transport": "telnet"}, "The connection 'hv_a' has the transport 'telnet'."),
        (
            {"transport": "basic", "scheme": "http"},
            "The connection 'hv_a' has the transport 'basic' over http, which would send the login readable for "
            "everybody.",
        ),
        ({"host": ""}, "The connection 'hv_a' has no host."),
        ({"password": None}, "The connection 'hv_a' has the transport 'ntlm' without login or password."),
        (
            {"transport": "kerberos", "login": "bob"},
            "The connection 'hv_a' has a login for Kerberos without its realm.",
        ),
        ({"ca_file": "/no/such"}, "The connection 'hv_a' has a ca_file that is not there: /no/such."),
        ({"transport": "basic", "password": "żółw"}, "The connection 'hv_a' has a password that Basic cannot carry."),
    ],
)
def test_a_connection_that_cannot_work_is_refused(peer: Peer, changes: dict[str, str], sentence: str) -> None:
    arguments: dict[str, str] = {"transport": "ntlm", "scheme": "https", **changes}
    with pytest.raises(BadInputError) as caught:
        Session(peer.spec(**arguments))
    assert caught.value.message == sentence
    assert peer.status()["requests"] == []
