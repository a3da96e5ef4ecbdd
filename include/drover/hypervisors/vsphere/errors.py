"""The border: what pyvmomi, HTTP and sockets raise becomes Drover's errors, one plain sentence each."""

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from http.client import HTTPException
from typing import Any
from xml.parsers.expat import ExpatError

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.border import errors_by, one_line
from drover.hypervisors.vsphere import nodes
from drover.hypervisors.vsphere.nodes import Node

_AGAIN = "Try again when the server answers."
_LOOK = "Correct that in the vSphere client, then try again."

# Fault: what is wrong and what to do. The first that fits counts, so the narrow ones stand first.
_DETAILS = ("file", "name", "reason", "property")
_RETRYABLE = {
    "TaskInProgress": ("another task holds it", "Try again when that task is done."),
    "HostNotReachable": ("the ESXi host does not answer", "Try again when it does."),
    "HostCommunication": ("the ESXi host does not answer", "Try again when it does."),
    "HostConnectFault": ("the ESXi host does not answer", "Try again when it does."),
    "ConcurrentAccess": ("somebody else changed it at the same moment", "Try again."),
    "FileLocked": ("a file of it is locked by another program or host", "Try again when that has let go of it."),
    "RequestCanceled": ("the call was cancelled at the server", "Try again."),
    "NotAuthenticated": ("the login does not last", "Try again; if it stays so, look who ends the session."),
}
_NEEDS_PERSON = {
    "InvalidLogin": (
        "it refuses user name or password",
        "Correct login and password in the connection; a user of SSO is written as name@domain.",
    ),
    "PasswordExpired": ("the password has expired", "Set a new one and put it into the connection."),
    "NoSpaceOnDevice": ("the datastore is full", "Make room there, or map the storage to another datastore."),
    "NoDiskSpace": ("the datastore is full", "Make room there, or map the storage to another datastore."),
    "InsufficientDisks": ("the datastore is full", "Make room there, or map the storage to another datastore."),
    "InsufficientStorageSpace": ("the datastore is full", "Make room there, or map the storage to another datastore."),
    "InvalidPowerState": ("it is not in the power state that this needs", "Look at the machine, then try again."),
    "ToolsUnavailable": ("VMware Tools do not run in the guest", "Install or start VMware Tools in the guest."),
    "ManagedObjectNotFound": (
        "what was asked for is not there any more: somebody removed or unregistered it",
        "Look at the inventory, then try again.",
    ),
    "FileNotFound": ("a file is not there", "Find out who moved or removed it."),
    "FileAlreadyExists": ("a file is there already", "Find out whose it is; move it away by hand if it is in the way."),
    "DuplicateName": ("the name is taken", "Find out whose it is; rename or remove it by hand if it is in the way."),
    "NotSupported": ("the server does not support this", _LOOK),
    "MethodNotFound": (
        "the server does not know this call",
        "See which version it is; vSphere 6.5 or newer is needed.",
    ),
    "InsufficientResourcesFault": ("the hosts have not enough resources free", "Make room, or choose another host."),
    "RestrictedVersion": ("the licence does not allow this", "See which licence the server has."),
    "LicenseRestricted": ("the licence does not allow this", "See which licence the server has."),
}


def server_errors(host: str) -> AbstractContextManager[None]:
    """Turns what goes wrong inside into a DroverError that names the server."""
    return errors_by(partial(translate, host))


def translate(host: str, error: Exception) -> DroverError | None:
    """The DroverError for what a library raised, or None where it is none of theirs (a mistake of ours)."""
    from pyVmomi import vmodl

    if isinstance(error, vmodl.MethodFault):
        return from_fault(host, error)
    if isinstance(error, socket.gaierror):
        return OperatorNeededError(
            f"There is no host named {host}: {one_line(error.strerror or error)}.",
            remedy="Correct the host in the connection, or the name service of this worker.",
        )
    if isinstance(error, ConnectionRefusedError):
        return RetryableError(f"{host} takes no connection: nothing listens there.", remedy=_AGAIN)
    if isinstance(error, TimeoutError):
        return RetryableError(f"{host} did not answer in time.", remedy=_AGAIN)
    if isinstance(error, (OSError, EOFError, HTTPException)):
        return RetryableError(f"The connection to {host} failed: {one_line(error) or 'it broke'}.", remedy=_AGAIN)
    if isinstance(error, ExpatError):
        return RetryableError(f"{host} answered with something that is not vSphere.", remedy=_AGAIN)
    return None


def from_fault(host: str, fault: Any, what: str = "") -> DroverError:
    """A fault that a call threw. :param what: what was being done: `the snapshot of machine 'web'`."""
    return _told(host, what, _lineage(type(fault)), _words(fault), getattr(fault, "privilegeId", None))


def fault_error(host: str, error: Node | None, what: str = "") -> DroverError:
    """A fault that a task or a check kept. :param error: a LocalizedMethodFault, as the server wrote it."""
    fault = nodes.child(error, "fault")
    kind = nodes.kind(fault) or "an unknown fault"
    said = [nodes.text(error, "localizedMessage") or ""]
    said += [nodes.text(message, "message") or "" for message in nodes.children(fault, "faultMessage")]
    said += [nodes.text(fault, field) or "" for field in _DETAILS]
    text = _joined(said)
    return _told(host, what, _lineage(_known_kind(kind)) or [kind], text, nodes.text(fault, "privilegeId"))


def _known_kind(name: str) -> type | None:
    """pyvmomi's class of this fault, which knows what it is a kind of; None for one that is newer than pyvmomi."""
    from pyVmomi import vim, vmodl

    spaces = (vim.fault, vmodl.fault, vim, vmodl)
    return next((found for space in spaces if (found := getattr(space, name, None)) is not None), None)


def _lineage(kind: type | None) -> list[str]:
    """Names of the fault and of what it is a kind of, the narrow ones first."""
    return [one.__name__.rpartition(".")[2] for one in kind.__mro__] if kind is not None else []


def _told(host: str, what: str, names: list[str], said: str, right: str | None) -> DroverError:
    if said.rpartition(".")[2] in names:  # It only repeats what the fault is called.
        said = ""
    subject = f"{host}, {what}" if what else host
    if "NoPermission" in names:
        return OperatorNeededError(
            f"{subject}: the connection's user lacks the right {right or 'for this'}.",
            remedy="Give the user that right; docs/connections.md lists all that Drover needs.",
        )
    for table, kind in _tables():
        for name in names:
            if name in table:
                reason, remedy = table[name]
                detail = f" ({said})" if said and name != "InvalidLogin" else ""
                return kind(f"{subject}: {reason}{detail}.", remedy)
    return OperatorNeededError(f"{subject}: the server says {said or names[0]}.", remedy=_LOOK)


def _tables() -> tuple[tuple[dict[str, tuple[str, str]], Callable[[str, str], DroverError]], ...]:
    return (
        (_RETRYABLE, lambda message, remedy: RetryableError(message, remedy=remedy)),
        (_NEEDS_PERSON, lambda message, remedy: OperatorNeededError(message, remedy=remedy)),
    )


def _words(fault: Any) -> str:
    """What the server says itself: its message, and the detail messages that name files and limits."""
    parts = [getattr(fault, "msg", "") or ""]
    for message in getattr(fault, "faultMessage", None) or ():
        parts.append(message.message or "")
    for field in _DETAILS:
        value = getattr(fault, field, None)
        parts.append(value if isinstance(value, str) else "")
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    """Each once: servers say the same thing in several places of a fault."""
    said: list[str] = []
    for part in map(one_line, parts):
        if part and part not in "; ".join(said):
            said.append(part)
    return "; ".join(said)
