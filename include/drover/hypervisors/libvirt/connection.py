"""One opened KVM host: its SSH connection, and libvirt spoken over it.

libvirt's own SSH transports want the key in a file and a program on the host, and verify host keys their own way.
Here libvirt's unix socket is forwarded through the same SSH connection as everything else: one place that
authenticates, one that verifies, and a key that never reaches a disk.
"""

import logging
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from drover.errors import BadInputError, OperatorNeededError
from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.libvirt.errors import host_errors
from drover.hypervisors.libvirt.forward import Forwards
from drover.hypervisors.libvirt.ssh import Ssh

if TYPE_CHECKING:
    import libvirt

# The monolithic daemon or its proxy, then the modular daemon.
_SOCKETS = ("/run/libvirt/libvirt-sock", "/run/libvirt/virtqemud-sock")


class Connection:
    """SSH, forwarded sockets and libvirt of one host. :attr name: what the host calls itself."""

    def __init__(self, spec: ConnectionSpec) -> None:
        self.spec = spec
        self.ssh = Ssh(spec)
        self.forwards = Forwards(self.ssh)
        # Why live moves failed that were started here, by machine; a restarted caller asks the hosts alone.
        self.live_errors: dict[str, str] = {}
        try:
            self._socket = self._find_socket()
            self.libvirt = self.open_libvirt()
            with host_errors(spec.host):
                self.name: str = self.libvirt.getHostname()
            self.ssh.host = self.name  # One name in every message from here on.
        except BaseException:
            self.close()
            raise

    def open_libvirt(self) -> "libvirt.virConnect":
        """A libvirt connection of its own, over this SSH connection."""
        import libvirt

        libvirt.registerErrorHandler(_swallow, None)  # It would print to stderr what is raised anyway.
        local = self.forwards.add(self._socket)
        path = self.spec.extra.get("uri_path") or "/system"
        with host_errors(self.spec.host):
            return libvirt.open(f"qemu+unix://{path}?socket={quote(str(local))}")

    def errors(self) -> AbstractContextManager[None]:
        """What libvirt and SSH raise inside becomes a DroverError that names this host."""
        return host_errors(self.name)

    def domain(self, name: str) -> "libvirt.virDomain":
        """:raises BadInputError: no machine has that name."""
        found = self.find_domain(name)
        if found is None:
            raise BadInputError(
                f"There is no machine named {name!r} on {self.name}.", remedy="Check the name and the host."
            )
        return found

    def find_domain(self, name: str) -> "libvirt.virDomain | None":
        import libvirt

        if "\0" in name or not name:
            return None
        with self.errors():
            try:
                return self.libvirt.lookupByName(name)
            except libvirt.libvirtError as error:
                if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
                    return None
                raise

    def close(self) -> None:
        """Closes everything; what it was connected to may be gone already."""
        connection: Any = getattr(self, "libvirt", None)
        if connection is not None:
            import libvirt

            with suppress(libvirt.libvirtError):
                connection.close()
        self.forwards.close()
        self.ssh.close()

    def _find_socket(self) -> str:
        given = self.spec.extra.get("libvirt_socket")
        for path in (str(given),) if given else _SOCKETS:
            with host_errors(self.spec.host), suppress(FileNotFoundError):
                self.ssh.sftp.stat(path)
                return path
        raise OperatorNeededError(
            f"libvirt does not run on {self.spec.host}: there is no {given or _SOCKETS[0]}.",
            remedy="Start libvirtd there, or name its socket in the connection's libvirt_socket.",
        )


def _swallow(_context: object, error: object) -> None:
    logging.getLogger(__name__).debug("libvirt: %s", error)
