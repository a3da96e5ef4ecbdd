"""The application checks that a wave file names, asked again until they pass or their time is over.

An address is reached by whatever `connect` the caller gives: a socket of ours, or a channel through a host into an
isolated network.
"""

import http.client
import shlex
import socket
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from drover.errors import BadInputError, DroverError
from drover.guest.http import Connect, get
from drover.guest.result import CheckResult
from drover.hypervisors.connection import ConnectionSpec
from drover.waves.checks import Check, CommandCheck, HttpCheck, TcpCheck

if TYPE_CHECKING:
    import paramiko

__all__ = ["CheckResult", "run_check"]

Resolve = Callable[[str], ConnectionSpec]
_ATTEMPT_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_OUTPUT_SHOWN = 200
_OUTPUT_LIMIT = 1 << 16


class _Failed(Exception):
    """This attempt failed; the message says what came back."""


def run_check(check: Check, connect: Connect, deadline: float, resolve: Resolve) -> CheckResult:
    """Asks at least once, and again every second until it passes.

    :param connect: opens a stream: (address, port, timeout in seconds). :param deadline: seconds.
    :param resolve: the connection of an id, for commands.
    """
    began = time.monotonic()
    attempts = 0
    while True:
        attempts += 1
        left = began + deadline - time.monotonic()
        detail, passed, final = _attempt(check, connect, resolve, min(max(left, _PAUSE_SECONDS), _ATTEMPT_SECONDS))
        spent = time.monotonic() - began
        if passed or final or spent + _PAUSE_SECONDS >= deadline:
            return CheckResult(describe(check), passed, detail, attempts, round(spent, 3))
        time.sleep(_PAUSE_SECONDS)


def describe(check: Check) -> str:
    """The check as one line."""
    if isinstance(check, HttpCheck):
        return f"http {check.http.url}"
    if isinstance(check, TcpCheck):
        return f"tcp {check.tcp.address}:{check.tcp.port}"
    return f"command '{shlex.join(check.command.run)}' over {check.command.connection}"


def _attempt(check: Check, connect: Connect, resolve: Resolve, timeout: float) -> tuple[str, bool, bool]:
    """What came back, whether that is a pass, and whether it is the last word."""
    try:
        if isinstance(check, HttpCheck):
            return _http(check, connect, timeout), True, False
        if isinstance(check, TcpCheck):
            connect(check.tcp.address, check.tcp.port, timeout).close()
            return "The port takes connections.", True, False
        return _command(check, resolve, timeout), True, False
    except _Failed as error:
        return str(error), False, False
    except BadInputError as error:
        return str(error), False, True
    except DroverError as error:  # also a refused login: a guest that still boots refuses everyone
        return str(error), False, False
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _in_words(error), False, False


def _in_words(error: Exception) -> str:
    """Nothing that the other side wrote is repeated as it is."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate was refused: {error.verify_message}."
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    if isinstance(error, socket.gaierror):
        return "The name of its host is not known."
    if isinstance(error, OSError):
        return f"It could not be reached: {error.strerror or type(error).__name__}."
    return f"What answered was no HTTP ({type(error).__name__})."


def _http(check: HttpCheck, connect: Connect, timeout: float) -> str:
    wanted = check.http
    answer = get(wanted.url, connect, timeout)
    if answer.status != wanted.status:
        raise _Failed(f"It answered {answer.status} instead of {wanted.status}.")
    if wanted.contains is not None and wanted.contains.encode() not in answer.body:
        raise _Failed(f"It answered {answer.status}, but without {wanted.contains!r} in it.")
    return f"It answered {answer.status}."


def _command(check: CommandCheck, resolve: Resolve, timeout: float) -> str:
    from drover.hypervisors.libvirt.errors import host_errors
    from drover.hypervisors.libvirt.ssh import Ssh

    wanted = check.command
    with Ssh(resolve(wanted.connection)) as ssh, host_errors(ssh.host):
        status, output = _execute(ssh.transport.open_session(timeout=timeout), wanted.run, timeout)
    if status != wanted.exit:
        raise _Failed(f"It ended with {status} instead of {wanted.exit}{_quoted(output)}.")
    return f"It ended with {status}."


def _execute(channel: "paramiko.Channel", argv: tuple[str, ...], timeout: float) -> tuple[int, bytes]:
    """Exit status and the first of what it wrote. Every word reaches the guest's shell quoted."""
    end = time.monotonic() + timeout
    channel.set_combine_stderr(True)
    channel.settimeout(timeout)
    channel.exec_command(shlex.join(argv))
    channel.shutdown_write()
    output = b""
    while data := channel.recv(_OUTPUT_LIMIT):
        output = (output + data)[:_OUTPUT_LIMIT]
        if time.monotonic() >= end:
            raise TimeoutError
    if not channel.status_event.wait(max(0.0, end - time.monotonic())):
        raise TimeoutError
    return channel.recv_exit_status(), output


def _quoted(output: bytes) -> str:
    text = output[:_OUTPUT_SHOWN].decode("utf-8", "replace").strip()
    return f" and said {text!r}" if text else ""
