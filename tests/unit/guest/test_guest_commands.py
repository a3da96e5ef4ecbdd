"""Commands in a guest, over a real SSH server on loopback."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from checking import run

from drover.hypervisors.connection import ConnectionSpec
from drover.waves.checks import Command, CommandCheck


class Shell(paramiko.ServerInterface):
    """An SSH server that gives each command to a real shell, as sshd does."""

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if (username, password) == ("root", "s3cret") else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._execute, args=(channel, command)).start()
        return True

    def _execute(self, channel: paramiko.Channel, command: bytes) -> None:
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False)
        channel.sendall(done.stdout)
        channel.sendall_stderr(done.stderr)
        channel.send_exit_status(done.returncode)
        channel.close()


@pytest.fixture(scope="module")
def host_key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate()


@pytest.fixture
def ssh(host_key: paramiko.PKey) -> Iterator[ConnectionSpec]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        transports: list[paramiko.Transport] = []

        def serve() -> None:
            while True:
                try:
                    transport = paramiko.Transport(server.accept()[0])
                except OSError:
                    return
                transports.append(transport)
                transport.add_server_key(host_key)
                transport.start_server(threading.Event(), Shell())

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        known = f"[127.0.0.1]:{port} {host_key.get_name()} {host_key.get_base64()}"
        yield ConnectionSpec("guest", "ssh", "127.0.0.1", "root", "s3cret", port, {"known_hosts": known})
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for transport in transports:
            transport.close()


def command(*words: str, status: int = 0) -> CommandCheck:
    return CommandCheck(command=Command(connection="guest", run=words, exit=status))


def test_a_command_passes_by_its_exit_status(ssh: ConnectionSpec) -> None:
    result = run(command("true"), resolve=lambda _: ssh)

    assert (result.passed, result.name) == (True, "command 'true' over guest")
    assert run(command("false", status=1), resolve=lambda _: ssh).passed
    assert run(command("ls", "/nowhere"), resolve=lambda _: ssh).detail.startswith(
        "It ended with 2 instead of 0 and said"
    )


def test_words_of_a_command_are_never_script(ssh: ConnectionSpec, tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/hacked); 'x\" | `id`\n&& false"

    assert run(command("test", evil, "=", evil), resolve=lambda _: ssh).passed
    assert not list(tmp_path.iterdir())


def test_a_host_key_that_changed_fails_and_the_password_is_not_told(ssh: ConnectionSpec) -> None:
    other = paramiko.ECDSAKey.generate()
    known = f"[127.0.0.1]:{ssh.port} {other.get_name()} {other.get_base64()}"
    changed = ConnectionSpec("guest", "ssh", "127.0.0.1", "root", "s3cret", ssh.port, {"known_hosts": known})

    result = run(command("true"), resolve=lambda _: changed)

    assert not result.passed
    assert "key" in result.detail
    assert "s3cret" not in repr(result)


def test_a_command_that_does_not_end_is_left(ssh: ConnectionSpec) -> None:
    result = run(command("sleep", "4"), deadline=1.0, resolve=lambda _: ssh)

    assert not result.passed
    assert result.seconds < 4


def test_a_connection_that_is_missing_is_not_asked_for_again() -> None:
    result = run(command("true"), deadline=30)

    assert (result.passed, result.attempts) == (False, 1)
    assert "There is no connection 'guest'." in result.detail
