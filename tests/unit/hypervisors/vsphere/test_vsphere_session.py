"""Opening a vCenter: whom it trusts, what it says when it may not, and that it stays logged in."""

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from vcenter_process import PASSWORD, Identity, VCenter

from drover.errors import BadInputError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.vsphere import inventory
from drover.hypervisors.vsphere.session import Session
from drover.hypervisors.vsphere.tls import trust_of


def refused(vcenter: VCenter, **changed: object) -> DroverError:
    with pytest.raises(DroverError) as caught:
        Session(vcenter.spec(**changed)).close()
    assert PASSWORD not in str(caught.value)
    return caught.value


def opens(vcenter: VCenter, **changed: object) -> None:
    session = Session(vcenter.spec(**changed))
    assert session.content.about.apiType == "VirtualCenter"
    session.close()


def test_a_certificate_of_the_ca_is_taken(vcenter: VCenter) -> None:
    opens(vcenter)
    opens(vcenter, extra={"ca": vcenter.identity.authority.read_text()})


def test_an_unknown_certificate_is_refused_on_the_loopback_too(vcenter: VCenter) -> None:
    error = refused(vcenter, extra={})
    assert isinstance(error, OperatorNeededError)
    assert error.message.startswith("The certificate of 127.0.0.1 is signed by nobody whom this worker trusts")
    assert vcenter.identity.thumbprint(hashes.SHA256()) in error.message
    assert "ca_file" in error.remedy
    assert "pin it" in error.remedy


@pytest.mark.parametrize("kind", [hashes.SHA256(), hashes.SHA1()])
def test_a_pinned_certificate_is_taken(vcenter: VCenter, kind: hashes.HashAlgorithm) -> None:
    shown = vcenter.identity.thumbprint(kind)
    opens(vcenter, extra={"thumbprint": shown})
    opens(vcenter, extra={"thumbprint": shown.replace(":", "").lower()})


@pytest.mark.parametrize(("digits", "kind"), [(64, hashes.SHA256()), (40, hashes.SHA1())])
def test_another_certificate_than_the_pinned_one_is_refused_every_time(
    vcenter: VCenter, digits: int, kind: hashes.HashAlgorithm
) -> None:
    for _ in range(2):
        error = refused(vcenter, extra={"thumbprint": "ab" * (digits // 2)})
        shown = vcenter.identity.thumbprint(kind)
        assert f"thumbprint {shown}, but the connection expects {':'.join(['AB'] * (digits // 2))}" in error.message


def test_a_thumbprint_that_is_none_is_refused(vcenter: VCenter) -> None:
    error = refused(vcenter, extra={"thumbprint": "12:34"})
    assert isinstance(error, BadInputError)
    assert error.message == (
        "The thumbprint of the connection 'vc_test' is neither a SHA-256 (64 hex digits) nor a SHA-1 (40 hex digits)."
    )


@pytest.mark.parametrize("extra", [{"ca_file": "/nowhere/ca.pem"}, {"ca": "no certificate"}])
def test_a_ca_that_cannot_be_read_is_refused(vcenter: VCenter, extra: dict[str, str]) -> None:
    error = refused(vcenter, extra=extra)
    assert isinstance(error, BadInputError)
    assert "of the connection 'vc_test' cannot be read" in error.message


def test_verification_is_off_only_where_somebody_said_so(vcenter: VCenter) -> None:
    opens(vcenter, extra={"verify_certificate": False})
    opens(vcenter, extra={"verify_certificate": "false"})
    assert trust_of(vcenter.spec()).verified
    assert "neither true nor false" in refused(vcenter, extra={"verify_certificate": "perhaps"}).message


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({"days": (-9, -1)}, "The certificate of 127.0.0.1 has expired."),
        ({"days": (2, 9)}, "The certificate of 127.0.0.1 is not valid yet."),
        ({"address": "192.0.2.1"}, "The certificate of 127.0.0.1 is made out to another name."),
    ],
)
def test_a_certificate_that_is_wrong_otherwise_is_refused(
    tmp_path: Path, made: dict[str, object], sentence: str
) -> None:
    vcenter = VCenter(tmp_path, certificate=Identity.make(tmp_path, **made))  # type: ignore[arg-type]
    try:
        error = refused(vcenter)
        assert isinstance(error, OperatorNeededError)
        assert error.message == sentence
        opens(vcenter, extra={"thumbprint": vcenter.identity.thumbprint(hashes.SHA256())})
    finally:
        vcenter.stop()


def test_a_wrong_password_is_told_without_it(vcenter: VCenter) -> None:
    error = refused(vcenter, password="wrong one")
    assert isinstance(error, OperatorNeededError)
    assert error.message == "127.0.0.1: it refuses user name or password."
    assert "wrong one" not in str(error)
    assert "name@domain" in error.remedy


@pytest.mark.parametrize(("field", "word"), [("login", "login"), ("password", "password")])
def test_a_connection_without_credentials_is_refused(vcenter: VCenter, field: str, word: str) -> None:
    assert refused(vcenter, **{field: None}).message == f"The connection 'vc_test' has no {word}."


def test_a_host_without_a_name_or_a_listener_is_told(vcenter: VCenter) -> None:
    assert refused(vcenter, host="no-such-host.invalid").message.startswith("There is no host named no-such-host.")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    error = refused(vcenter, port=free)
    assert isinstance(error, RetryableError)
    assert error.message == "127.0.0.1 takes no connection: nothing listens there."


def test_a_session_that_is_killed_is_opened_anew(vcenter: VCenter, session: Session) -> None:
    machine = inventory.machines(session)[0]
    vcenter.ask("end-sessions")
    assert inventory.machine(session, machine.name) == machine
    vcenter.ask("end-sessions")
    session.renew()
    assert session.logins == 3


def test_a_session_that_is_killed_and_may_not_come_back_is_told(vcenter: VCenter, session: Session) -> None:
    inventory.machines(session)
    session.spec = replace(session.spec, password="changed meanwhile")
    vcenter.ask("end-sessions")
    with pytest.raises(OperatorNeededError) as told:
        inventory.machines(session)
    assert told.value.message == "127.0.0.1: it refuses user name or password."
    assert "changed meanwhile" not in str(told.value)


def test_a_session_that_is_killed_between_two_pages_loses_no_machine(vcenter: VCenter, session: Session) -> None:
    from drover.hypervisors.vsphere import collector

    pages = collector.PAGE
    collector.PAGE = 1
    try:
        found = []
        for one in collector.retrieve(session, {"HostSystem": ["name"], "Datastore": ["name"]}):
            found.append(one.text("name"))
            if len(found) == 1:
                vcenter.ask("end-sessions")
    finally:
        collector.PAGE = pages
    assert sorted(str(name) for name in found) == ["datastore1", "esx-t1", "esx-t2", "small"]
    assert session.logins >= 2


def test_many_threads_log_in_once(vcenter: VCenter, session: Session) -> None:
    inventory.machines(session)
    vcenter.ask("end-sessions")
    threads = [threading.Thread(target=inventory.machines, args=(session,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.logins == 2


def test_a_read_whose_line_breaks_is_asked_again(vcenter: VCenter, session: Session) -> None:
    expected = inventory.machines(session)
    vcenter.ask("faults", faults={"drop_calls": 1})
    assert inventory.machines(session) == expected


def test_a_line_that_breaks_again_and_again_is_retryable(vcenter: VCenter, session: Session) -> None:
    vcenter.ask("faults", faults={"drop_calls": 50})
    try:
        with pytest.raises(RetryableError) as caught:
            inventory.machines(session)
        assert str(caught.value) == (
            "The connection to 127.0.0.1 failed: Remote end closed connection without response. Try again when the "
            "server answers."
        )
    finally:
        vcenter.ask("faults", faults={})


def test_a_change_whose_answer_is_lost_is_not_repeated(vcenter: VCenter, session: Session) -> None:
    folder = session.content.rootFolder.childEntity[0].vmFolder
    vcenter.ask("faults", faults={"drop_answers": 1})
    with pytest.raises(RetryableError), session.errors():
        folder.CreateFolder("made once")
    assert [one.name for one in folder.childEntity].count("made once") == 1


@pytest.fixture
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_says_nothing_has_a_deadline(
    vcenter: VCenter, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drover.hypervisors.vsphere.session.CALL_SECONDS", 0.3)
    error = refused(vcenter, port=silent)
    assert isinstance(error, RetryableError)
    assert error.message == "127.0.0.1 did not answer in time."
