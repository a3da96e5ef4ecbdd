"""SSH to one KVM host: commands, files and sockets. Every way that Drover reaches a host goes through here.

The host key is verified against the connection's known_hosts. Arguments are quoted for the remote shell one by one,
so that a name is never a piece of script. A host that dies is noticed within `DEAD_AFTER` seconds.
"""

import os
import shlex
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from drover.errors import BadInputError, OperatorNeededError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.libvirt.errors import host_errors, remote_failure

if TYPE_CHECKING:
    import paramiko

    from drover.hypervisors.libvirt.streamlocal import StreamlocalTransport

CONNECT_TIMEOUT = 20.0
COMMAND_DEADLINE = 120.0
# Seconds without an acknowledgement after which the kernel gives a connection up (its own default is a quarter hour).
DEAD_AFTER = 40
_KEEPALIVE = 10
# Seconds between two looks at the deadline and at what a command complains of; bytes read at once.
_LOOK = 0.05
_PIECE = 65536


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command on the host left: its exit status and what it wrote."""

    status: int
    out: bytes
    err: str


class Ssh:
    """One SSH connection to the host of `spec`, opened at once. Close it, or use it as a context manager.

    :raises OperatorNeededError: the host key is unknown or has changed, or the credentials are refused.
    :raises RetryableError: the host does not answer.
    """

    def __init__(self, spec: ConnectionSpec) -> None:
        self.spec = spec
        self.host = spec.host
        self.transport: StreamlocalTransport = _open(spec)
        self._sftp: paramiko.SFTPClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.transport.close()

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", deadline: float = COMMAND_DEADLINE) -> Completed:
        """Runs one command and waits for it. :param deadline: seconds.

        :raises RetryableError: the connection broke, or the command did not end in time.
        """
        with host_errors(self.host):
            channel = self.transport.open_session(timeout=CONNECT_TIMEOUT)
            try:
                channel.exec_command(shlex.join(argv))
                if stdin:
                    channel.sendall(stdin)
                channel.shutdown_write()
                return self._collect(channel, argv[0], time.monotonic() + deadline)
            finally:
                channel.close()

    def check(self, argv: Sequence[str], *, stdin: bytes = b"", deadline: float = COMMAND_DEADLINE) -> bytes:
        """Runs one command that must succeed and returns what it wrote. :raises OperatorNeededError: it failed."""
        done = self.run(argv, stdin=stdin, deadline=deadline)
        if done.status != 0:
            raise remote_failure(self.host, argv[0], done.status, done.err)
        return done.out

    def _collect(self, channel: "paramiko.Channel", command: str, until: float) -> Completed:
        """Until the host says that nothing more comes: the exit status may arrive before the last of the output."""
        out, err = bytearray(), bytearray()
        channel.settimeout(_LOOK)
        while True:
            if channel.recv_stderr_ready():
                err += channel.recv_stderr(_PIECE)
            try:
                piece = channel.recv(_PIECE)
            except TimeoutError:
                if time.monotonic() > until:
                    raise self._late(command) from None
                continue
            if not piece:
                break
            out += piece
        while channel.recv_stderr_ready():
            err += channel.recv_stderr(_PIECE)
        if not channel.status_event.wait(max(0.0, until - time.monotonic())):
            raise self._late(command)
        if channel.exit_status < 0 and not self.transport.is_active():
            raise RetryableError(f"The connection to {self.host} broke.", remedy="Try again when the host answers.")
        return Completed(channel.exit_status, bytes(out), err.decode(errors="replace"))

    def _late(self, command: str) -> RetryableError:
        return RetryableError(
            f"The command {command} on {self.host} did not end in time.", remedy="See what keeps the host busy."
        )

    def open_tcp(self, address: str, port: int, timeout: float) -> "paramiko.Channel":
        """A TCP stream from the host to (address, port). :param timeout: seconds, of opening and of each read.

        :raises RetryableError: nobody answers there.
        """
        import paramiko

        with host_errors(self.host):
            try:
                origin = ("127.0.0.1", 0)
                channel = self.transport.open_channel("direct-tcpip", (address, port), origin, timeout=timeout)
            except paramiko.ChannelException as error:
                raise RetryableError(
                    f"Nothing answers at {address} port {port}, asked from {self.host}.",
                    remedy="Wait until the guest has started, or see whether its service runs.",
                ) from error
        channel.settimeout(timeout)
        return channel

    @property
    def sftp(self) -> "paramiko.SFTPClient":
        """The file side of this connection."""
        import paramiko

        if self._sftp is None:
            with host_errors(self.host):
                self._sftp = paramiko.SFTPClient.from_transport(self.transport)
        if self._sftp is None:
            raise OperatorNeededError(
                f"The SSH server of {self.host} offers no SFTP.", remedy="Enable its sftp subsystem in sshd_config."
            )
        return self._sftp


def _open(spec: ConnectionSpec) -> "StreamlocalTransport":
    import paramiko

    from drover.hypervisors.libvirt.streamlocal import StreamlocalTransport

    client = paramiko.SSHClient()
    _trust(client, spec)
    key = _private_key(spec)
    with host_errors(spec.host):
        client.connect(
            spec.host,
            port=spec.port or 22,
            username=spec.login,
            password=None if key else spec.password,
            pkey=key,
            timeout=CONNECT_TIMEOUT,
            banner_timeout=CONNECT_TIMEOUT,
            auth_timeout=CONNECT_TIMEOUT,
            allow_agent=key is None and not spec.password,
            look_for_keys=key is None and not spec.password,
            transport_factory=StreamlocalTransport,
        )
    transport = client.get_transport()
    if not isinstance(transport, StreamlocalTransport):
        raise RetryableError(f"The connection to {spec.host} broke.", remedy="Try again when the host answers.")
    _notice_death(transport)
    return transport


def _notice_death(transport: "paramiko.Transport") -> None:
    transport.set_keepalive(_KEEPALIVE)
    sock = cast(socket.socket, transport.sock)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER * 1000)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _trust(client: "paramiko.SSHClient", spec: ConnectionSpec) -> None:
    import paramiko
    from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

    if not verifies_host_key(spec):
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        return
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    lines = _known_hosts(spec)
    try:
        entries = [HostKeyEntry.from_line(line) for line in lines if line.strip() and not line.startswith("#")]
    except (InvalidHostKey, paramiko.SSHException) as error:
        raise BadInputError(
            f"The known_hosts of the connection '{spec.id}' cannot be read: {error}.",
            remedy="Take the lines from ssh-keyscan, checked against the host's console.",
        ) from None
    for entry in entries:
        if entry is not None and entry.key is not None:
            for name in entry.hostnames:
                client.get_host_keys().add(name, entry.key.get_name(), entry.key)


def verifies_host_key(spec: ConnectionSpec) -> bool:
    """Whether the host key is checked; only an explicit false in the connection turns it off."""
    return spec.extra.get("verify_host_key", True) not in (False, "false", "False")


def _known_hosts(spec: ConnectionSpec) -> list[str]:
    text = spec.extra.get("known_hosts")
    if text:
        return str(text).splitlines()
    path = str(spec.extra.get("known_hosts_file") or "")
    if not path:
        path = os.path.expanduser("~/.ssh/known_hosts")
        if not os.path.exists(path):
            raise BadInputError(
                f"Nothing says which host key the connection '{spec.id}' is to expect: there is no {path}.",
                remedy="Put the host's key into the connection as known_hosts, or name a known_hosts_file there.",
            )
    return _read(path, f"known_hosts_file of the connection '{spec.id}'").splitlines()


def _read(path: str, what: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadInputError(
            f"The {what} cannot be read: {path}: {reason}.", remedy="Correct the path in the connection."
        ) from None


def _private_key(spec: ConnectionSpec) -> "paramiko.PKey | None":
    """The key of the connection, from its text or its file; it stays in memory and never reaches a disk."""
    text = spec.extra.get("private_key")
    path = spec.extra.get("private_key_file")
    if not text and not path:
        return None
    text = str(text) if text else _read(str(path), f"private_key_file of the connection '{spec.id}'")
    from drover.hypervisors.libvirt.keys import parse_key

    key = parse_key(text, spec.password)
    if key is None:
        raise BadInputError(
            f"The private key of the connection '{spec.id}' cannot be read.",
            remedy="Give an OpenSSH or PEM key (Ed25519, ECDSA or RSA), and its passphrase as the password.",
        )
    return key
