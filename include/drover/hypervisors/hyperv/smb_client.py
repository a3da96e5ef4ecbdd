"""Files on a Windows host over SMB 3: signed always, encrypted unless the connection says otherwise."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any

from drover.errors import BadInputError, DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.reach import OutOfReach

_PORT = 445
_SECONDS = 30.0
# After so long without a word, a host is asked whether it is there; after twice as long it is gone. One that lost its
# power says nothing, and the library alone would wait for twenty minutes.
_SILENCE = 60
# A request's worth; servers take from 64 KiB on, and all since 2012 one of these.
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Share:
    """Where files are and how to log in there.

    :param id: the connection's, for messages.
    :param service: what the domain calls the host, for Kerberos; None: as `server`.
    """

    id: str
    server: str
    port: int
    login: str
    password: str = field(repr=False)
    encrypt: bool = True
    protocol: str = "negotiate"
    service: str | None = None


def share_of(spec: ConnectionSpec) -> Share:
    """:raises BadInputError: the connection holds no login that SMB could use, or a port that is none."""
    if not (spec.login and spec.password):
        raise BadInputError(
            f"The connection '{spec.id}' has no login and password, and disks are reached over SMB with them.",
            remedy="Give it both, whatever transport WinRM uses.",
        )
    kerberos = spec.extra.get("transport") == "kerberos"
    return Share(
        id=spec.id,
        server=spec.host,
        port=_port(spec),
        login=spec.login,
        password=spec.password,
        encrypt=encrypts(spec),
        protocol="kerberos" if kerberos else "ntlm",
        service=(str(spec.extra.get("kerberos_host") or "") or None) if kerberos else None,
    )


def _port(spec: ConnectionSpec) -> int:
    written = spec.extra.get("smb_port")
    if written in (None, ""):
        return _PORT
    if not str(written).isdecimal() or not 0 < int(str(written)) < 1 << 16:
        raise BadInputError(
            f"The connection '{spec.id}' has the smb_port '{written}', which is no port.",
            remedy="Write it as a number, or leave it out for 445.",
        )
    return int(str(written))


def encrypts(spec: ConnectionSpec) -> bool:
    """Only an explicit false in the connection turns it off."""
    return str(spec.extra.get("smb_encrypt", True)).lower() != "false"


def remote_path(server: str, path: str) -> str:
    """Where the file of this path on the host is over SMB: its volume's administrative share.

    :raises OperatorNeededError: it lies on another server, which these connections do not reach.
    """
    found = PureWindowsPath(path)
    if path.startswith("\\\\") or len(found.drive) != 2:
        raise OperatorNeededError(
            f"The disk {path} does not lie on the host {server} itself.",
            remedy="Move its storage to a volume of the host (Move-VMStorage).",
        )
    inside = str(found.relative_to(found.anchor))
    return f"\\\\{server}\\{found.drive[0]}$\\{inside}"


class RemoteFile:
    """One file, open. Not for several threads.

    :raises OperatorNeededError: the host refuses. :raises RetryableError: it does not answer.
    """

    def __init__(self, share: Share, path: str, *, writable: bool) -> None:
        """:param path: on the host: `D:\\\\web\\\\web.vhdx`."""
        self.share, self.path, self.writable = share, path, writable
        self._remote = remote_path(share.server, path)
        # Of our own: whoever else in this process speaks to the same host is never mixed up with this login.
        self._cache: dict[str, Any] = {}
        self._file: Any = None
        try:
            with _errors(share, path):
                self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        import smbclient

        share = self.share
        # Where smbclient looks for it.
        self._cache[f"{share.server.lower()}:{share.port}"] = _log_in(share)
        facts = smbclient.stat(self._remote, port=share.port, connection_cache=self._cache)
        self.size = int(facts.st_size)
        self.version = f"{facts.st_mtime_ns} {facts.st_size}"
        self._file = smbclient.open_file(
            self._remote,
            mode="r+b" if self.writable else "rb",
            buffering=0,
            # Others may read what we read; nobody else may open what we write.
            share_access=None if self.writable else "r",
            port=share.port,
            connection_cache=self._cache,
        )

    def read(self, offset: int, length: int) -> bytes:
        handle = self._file.fd
        piece = min(_PIECE, handle.connection.max_read_size)
        parts: list[bytes] = []
        with _errors(self.share, self.path):
            for at in range(offset, offset + length, piece):
                wanted = min(piece, offset + length - at)
                part = handle.read(at, wanted)
                if len(part) != wanted:
                    raise RetryableError(
                        f"{self.share.server} gave {len(part)} bytes of {self.path} where {wanted} were asked for.",
                        remedy="Find out whether somebody resizes the disk; then try again.",
                    )
                parts.append(part)
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        handle = self._file.fd
        piece = min(_PIECE, handle.connection.max_write_size)
        with _errors(self.share, self.path):
            for at in range(0, len(data), piece):
                handle.write(data[at : at + piece], offset + at)

    def flush(self) -> None:
        with _errors(self.share, self.path):
            self._file.fd.flush()

    def close(self) -> None:
        import smbclient

        with suppress(Exception):
            if self._file is not None:
                self._file.close()
        with suppress(Exception):
            smbclient.reset_connection_cache(connection_cache=self._cache)


def out_of_reach(spec: ConnectionSpec) -> OutOfReach | None:
    """Why nobody gets as far as the host's files; None where the login is let in."""
    try:
        share = share_of(spec)
        with _errors(share, "its disks"):
            connection = _log_in(share)
    except DroverError as error:
        return OutOfReach(error.message, error.remedy)
    with _in_time(connection), suppress(Exception):
        connection.disconnect()
    return None


def _log_in(share: Share) -> Any:
    """As `smbclient.register_session` does, which cannot be told another name for Kerberos."""
    from smbprotocol.connection import Connection
    from smbprotocol.session import Session

    connection = Connection(uuid.uuid4(), share.server, share.port, require_signing=True)
    connection._receive_timeout = _SILENCE
    try:
        connection.connect(timeout=int(_SECONDS))
        session = Session(
            connection,
            username=share.login,
            password=share.password,
            require_encryption=share.encrypt,
            hostname_override=share.service,
            auth_protocol=share.protocol,
        )
        with _in_time(connection):
            session.connect()
    except BaseException:
        connection.disconnect(False)
        raise
    return connection


@contextmanager
def _in_time(connection: Any) -> Iterator[None]:
    """The library waits without end for the answers to a login, but not on a connection that is closed."""
    timer = threading.Timer(_SECONDS, connection.disconnect, (False,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _errors(share: Share, path: str) -> Iterator[None]:
    try:
        yield
    except DroverError:
        raise
    except Exception as error:
        raise _explained(share, path, error) from error


def _explained(share: Share, path: str, error: Exception) -> DroverError:
    """One plain sentence for what the SMB library raised."""
    from smbprotocol import exceptions as smb
    from spnego.exceptions import SpnegoError

    if "not found in Kerberos database" in str(error):
        return OperatorNeededError(
            f"The domain knows no service cifs/{share.service or share.server}.",
            remedy="Name the host in the connection as the domain does, or give its name as kerberos_host.",
        )
    if isinstance(error, smb.SMBAuthenticationError | SpnegoError | smb.LogonFailure):
        return OperatorNeededError(
            f"{share.server} refuses the login of the connection '{share.id}' for files (SMB).",
            remedy="Check login and password, and that the login is an administrator there.",
        )
    code = getattr(error, "ntstatus", None) or getattr(error, "status", None)
    if code == 0xC0000022:
        return OperatorNeededError(
            f"{share.server} does not let the login of the connection '{share.id}' at {path}.",
            remedy="Make it an administrator there; disks are read and written over the volume's own share.",
        )
    if code in (0xC0000034, 0xC000003A, 0xC000000F, 0xC00000CC, 0xC0000225):
        return OperatorNeededError(
            f"{share.server} has no {path}, or does not share its volume.",
            remedy="See that the file is there and that administrative shares (C$, D$) are on.",
        )
    if code == 0xC0000043:
        return RetryableError(
            f"{path} on {share.server} is in use by another program.",
            remedy="Stop the machine or the backup that uses it, then try again.",
        )
    if code == 0xC000007F:
        return OperatorNeededError(f"The volume of {path} on {share.server} is full.", remedy="Make room there.")
    if "encrypt" in str(error).lower() and not isinstance(error, OSError):
        return OperatorNeededError(
            f"{share.server} cannot encrypt what it sends over SMB.",
            remedy="Turn on SMB 3 there; only on a network that nobody else reaches, set smb_encrypt to false.",
        )
    if isinstance(error, OSError | smb.SMBConnectionClosed | ValueError) or "Connection timeout" in str(error):
        return RetryableError(
            f"{share.server} does not answer for files (SMB, port {share.port}).",
            remedy="Try again when it does; if it never did, open that port there, or correct the connection's "
            "smb_port.",
        )
    said = " ".join(str(error).split())[:300].rstrip(".")
    return OperatorNeededError(f"{share.server} says of {path}: {said}.", remedy="Correct that on the host.")
