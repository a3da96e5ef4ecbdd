"""The border: what libraries raise becomes one plain sentence."""

import subprocess
from pathlib import Path

import paramiko
import pytest

from drover.errors import BadInputError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.libvirt import ssh
from drover.hypervisors.libvirt.errors import host_errors
from drover.hypervisors.libvirt.keys import parse_key


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionResetError("reset by peer"), RetryableError),
        (TimeoutError("timed out"), RetryableError),
        (EOFError(), RetryableError),
        (paramiko.SSHException("banner"), RetryableError),
        (paramiko.AuthenticationException("no"), OperatorNeededError),
    ],
)
def test_library_errors_name_the_host(error: Exception, kind: type[DroverError]) -> None:
    with pytest.raises(kind, match="kvm-7"), host_errors("kvm-7"):
        raise error


def test_the_words_of_the_system_are_told_without_its_numbers() -> None:
    for error, words in (
        (paramiko.ssh_exception.NoValidConnectionsError({("h", 1): OSError()}), "Unable to connect to port 1 on h."),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer."),
    ):
        with pytest.raises(RetryableError) as told, host_errors("h"):
            raise error
        assert told.value.message == f"The connection to h failed: {words}"


def test_our_own_errors_and_mistakes_pass_unchanged() -> None:
    with pytest.raises(BadInputError, match="mine"), host_errors("h"):
        raise BadInputError("mine", remedy="x")
    with pytest.raises(ZeroDivisionError), host_errors("h"):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("kind", "passphrase"),
    [
        (["ed25519"], ""),
        (["ed25519", "-a", "1"], "secret words"),
        (["ecdsa"], ""),
        (["rsa", "-b", "1024"], ""),
        (["rsa", "-b", "1024", "-m", "PEM"], "secret words"),
    ],
)
def test_keys_of_every_usual_kind_are_read(tmp_path: Path, kind: list[str], passphrase: str) -> None:
    file = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", *kind, "-N", passphrase, "-f", str(file)], check=True)
    text = file.read_text()
    assert parse_key(text, passphrase or None) is not None
    assert parse_key(text.replace("\n", "\r\n"), passphrase or None) is not None, "pasted from a Windows clipboard"
    if passphrase:
        assert parse_key(text, "wrong") is None


def test_nonsense_is_no_key() -> None:
    assert parse_key("nonsense", None) is None


@pytest.mark.parametrize(("value", "verified"), [(True, True), (False, False), ("false", False), ("no", True)])
def test_only_an_explicit_false_turns_verification_off(value: object, verified: bool) -> None:
    spec = ConnectionSpec("c", "libvirt", "h", extra={"verify_host_key": value})
    assert ssh.verifies_host_key(spec) is verified
    assert ssh.verifies_host_key(ConnectionSpec("c", "libvirt", "h"))


def test_missing_files_are_bad_input(tmp_path: Path) -> None:
    for field in ("known_hosts_file", "private_key_file"):
        extra = {"known_hosts": "# none", field: str(tmp_path / "none")}
        extra = {key: value for key, value in extra.items() if key == field or field == "private_key_file"}
        with pytest.raises(BadInputError, match=f"{field} of the connection 'c'"):
            ssh.Ssh(ConnectionSpec("c", "libvirt", "127.0.0.1", port=1, extra=extra))


def test_where_no_host_key_is_known_at_all_it_is_said_where_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(BadInputError, match=r"which host key the connection 'c'.*as known_hosts"):
        ssh.Ssh(ConnectionSpec("c", "libvirt", "127.0.0.1", port=1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    extra = {"known_hosts_file": str(tmp_path / "binary")}
    with pytest.raises(BadInputError, match="it is no text"):
        ssh.Ssh(ConnectionSpec("c", "libvirt", "127.0.0.1", port=1, extra=extra))
