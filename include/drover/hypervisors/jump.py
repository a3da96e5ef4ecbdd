"""A way into a network that has none out: an SSH host with a leg in it, for platforms that give no way themselves."""

import socket
import subprocess
import threading

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.port import Stream


class Jump:
    """The SSH host with a leg in the isolated network, reached with this machine's own `ssh`.

    `trial_jump` is `user@host` or `user@host:port`; `trial_jump_key_file` and `trial_jump_known_hosts_file` are paths.
    :raises OperatorNeededError: there is none, so that no check could be asked.
    """

    def __init__(self, spec: ConnectionSpec) -> None:
        extra = spec.extra
        given = str(extra.get("trial_jump") or "")
        if not given:
            raise OperatorNeededError(
                f"{spec.host} gives no way into an isolated network, so a trial's checks could not be asked.",
                remedy="Name an SSH host with a leg in it in the connection's field 'trial_jump', or leave out the "
                "wave's test_network.",
            )
        user, _, rest = given.rpartition("@")
        host, colon, port = rest.rpartition(":")
        host, port = (host, port) if colon else (rest, "22")
        if not host or host.startswith("-") or user.startswith("-") or not port.isdigit():
            raise BadInputError(
                f"The field 'trial_jump' of the connection '{spec.id}' is no SSH host.",
                remedy="Write it as user@host or user@host:port.",
            )
        self._argv = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-p", port]
        for option in ("IdentityFile", "UserKnownHostsFile"):
            field = "trial_jump_key_file" if option == "IdentityFile" else "trial_jump_known_hosts_file"
            if extra.get(field):
                self._argv += ["-o", f'{option}="{extra[field]}"']
        self._to = f"{user}@{host}" if user else host

    def open(self, address: str, port: int, timeout: float) -> Stream:
        """A stream to the guest: what ssh's `-W` carries."""
        ours, theirs = socket.socketpair()
        where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        argv = [*self._argv, "-o", f"ConnectTimeout={max(1, int(timeout))}", "-W", where, "--", self._to]
        with theirs:
            try:
                process = subprocess.Popen(
                    argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL
                )
            except FileNotFoundError:
                ours.close()
                raise OperatorNeededError(
                    "The program ssh is not installed.", remedy="Install openssh-client."
                ) from None
        threading.Thread(target=process.wait, name="trial", daemon=True).start()
        ours.settimeout(timeout)
        return _Through(ours, process, address)


class _Through:
    """The part of a socket that checks need."""

    def __init__(self, line: socket.socket, process: "subprocess.Popen[bytes]", address: str) -> None:
        self._line, self._process, self._address = line, process, address

    def sendall(self, data: bytes) -> None:
        try:
            self._line.sendall(data)
        except OSError as error:
            raise ConnectionError(f"the way to {self._address} broke: {error}") from error

    def recv(self, count: int) -> bytes:
        return self._line.recv(count)

    def close(self) -> None:
        self._line.close()
        self._process.terminate()
