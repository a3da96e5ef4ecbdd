"""The border: what libvirt, paramiko and sockets raise becomes Drover's errors, one plain sentence each."""

from contextlib import AbstractContextManager
from functools import partial

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.border import errors_by, one_line

_AGAIN = "Try again when the host answers."
# libvirt has no error code of its own for a connection that broke.
_GONE = (
    "end of file while reading data",
    "cannot recv data",
    "cannot write data",
    "client socket is closed",
    "connection reset by peer",
    "failed to connect socket",
    "broken pipe",
)


def remote_failure(host: str, command: str, status: int, err: str) -> OperatorNeededError:
    """A command on the host that failed, in its own last words."""
    said = one_line(err)[-400:] or f"exit status {status}"
    return OperatorNeededError(f"The command {command} failed on {host}: {said}.", remedy="Correct that on the host.")


def host_errors(host: str) -> AbstractContextManager[None]:
    """Turns what goes wrong inside into a DroverError that names the host."""
    return errors_by(partial(translate, host))


def translate(host: str, error: Exception) -> DroverError | None:
    """The DroverError for what a library raised, or None where it is none of theirs (a mistake of ours)."""
    import libvirt
    import paramiko

    if isinstance(error, libvirt.libvirtError):
        return _from_libvirt(host, error)
    if isinstance(error, paramiko.SSHException):
        return _from_ssh(host, error)
    if isinstance(error, (OSError, EOFError)):
        said = one_line(getattr(error, "strerror", None) or error) or "it broke"
        return RetryableError(f"The connection to {host} failed: {said}.", remedy=_AGAIN)
    return None


def _from_ssh(host: str, error: Exception) -> DroverError:
    import paramiko

    from drover.hypervisors.libvirt.keys import fingerprint

    if isinstance(error, paramiko.BadHostKeyException):
        return OperatorNeededError(
            f"The SSH host key of {host} has changed: expected {fingerprint(error.expected_key.asbytes())}, "
            f"got {fingerprint(error.key.asbytes())}.",
            remedy="Find out why; if the change is meant, put the new key into the connection's known_hosts.",
        )
    if isinstance(error, paramiko.AuthenticationException):
        return OperatorNeededError(
            f"{host} refuses the login of this connection.",
            remedy="Check the login, and that the host has the public key in authorized_keys.",
        )
    if "not found in known_hosts" in str(error):
        return OperatorNeededError(
            f"The SSH host key of {host} is not in the connection's known_hosts.",
            remedy="Compare the key with the host's console (ssh-keygen -lf) and add its line to known_hosts.",
        )
    return RetryableError(f"The SSH connection to {host} failed: {one_line(error)}.", remedy=_AGAIN)


def _from_libvirt(host: str, error: Exception) -> DroverError:
    import libvirt

    assert isinstance(error, libvirt.libvirtError)
    code = error.get_error_code()
    said = one_line(error.get_error_message() or error)
    if "Is another process using the image" in said:
        image = said.rpartition("[")[2].partition("]")[0]
        return OperatorNeededError(
            f"The image {image} on {host} is locked by another program.",
            remedy="Wait until that is done with it (a copy that still runs?), then try again.",
        )
    if any(sign in said.lower() for sign in _GONE):
        return RetryableError(f"The connection to libvirt on {host} failed: {said}.", remedy=_AGAIN)
    if code in (libvirt.VIR_ERR_OPERATION_TIMEOUT, libvirt.VIR_ERR_AGENT_UNRESPONSIVE):
        return RetryableError(f"libvirt on {host} is busy: {said}.", remedy="Try again in a minute.")
    if code == libvirt.VIR_ERR_NO_STORAGE_POOL:
        return OperatorNeededError(f"{host}: {said}.", remedy="Map the storage to a pool that exists on that host.")
    if code == libvirt.VIR_ERR_NO_NETWORK:
        return OperatorNeededError(f"{host}: {said}.", remedy="Map the network to one that exists on that host.")
    return OperatorNeededError(f"libvirt on {host} says: {said}.", remedy="Correct that on the host.")
