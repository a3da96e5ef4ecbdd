"""Unix sockets on the host, brought to unix sockets here: NBD exports and libvirt itself, never an open port.

client -> <private folder>/<n>.sock -> SSH channel -> unix socket on the host
"""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

from drover.hypervisors.libvirt.ssh import CONNECT_TIMEOUT, Ssh
from drover.private_folder import PrivateFolder


class Forwards:
    """The forwarded sockets of one connection, in a folder that only this user can enter; gone when closed."""

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh
        # Short: a unix socket's path has 107 characters at most.
        self._private = PrivateFolder("drover-forward-", Path("/tmp"))
        self._folder = self._private.path
        self._listeners: list[Listener] = []

    def add(self, remote: str) -> Path:
        """A local unix socket whose every connection is one of its own to `remote` on the host."""
        if not self._listeners:
            # OpenSSH's server sends small packets at once only on connections that have run a command. On others the
            # end of each answer waits 40 ms for an acknowledgement: a copy takes three times as long.
            self._ssh.run(["true"])
        local = self._folder / f"{len(self._listeners)}.sock"
        listener = Listener(self._ssh, remote, local)
        self._listeners.append(listener)
        return local

    def drop(self, local: Path) -> None:
        """Closes one forwarded socket and what runs through it."""
        for listener in self._listeners:
            if listener.local == local:
                listener.close()

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._private.close()


class Listener:
    """One listening socket and the pairs of threads that carry its connections."""

    def __init__(self, ssh: Ssh, remote: str, local: Path) -> None:
        self._ssh = ssh
        self._remote = remote
        self.local = local
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(local))
        self._socket.listen(64)
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, name=f"forward {remote}", daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for client in list(self._open):
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        with suppress(FileNotFoundError):
            os.unlink(self.local)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        import paramiko

        from drover.hypervisors.libvirt.stream import Stream

        transport = self._ssh.transport
        try:
            channel = transport.open_unix(self._remote, CONNECT_TIMEOUT)
        except (paramiko.SSHException, OSError, EOFError):
            client.close()  # The client sees the end of its stream and says so; there is nobody else to tell.
            return
        self._open.add(client)
        Stream(transport, channel, client).run()
        self._open.discard(client)
        client.close()
