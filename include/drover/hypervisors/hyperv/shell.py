"""One command in one shell of one host, with deadlines, and without leaving the shell behind when something breaks."""

import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.hyperv.errors import NO_SUCH_THING, arrived, host_errors
from drover.hypervisors.hyperv.target import Target

if TYPE_CHECKING:
    from winrm.protocol import Protocol

# Seconds that one WinRM request may take on the host; after that it answers that nothing happened yet.
OPERATION = 20
# Seconds between two looks at a command that says nothing: so long a cancel may take to be seen.
LOOK = 5
# Seconds after which the connection itself is given up: longer, or the host could never say so.
READ = 30
# A shell that we could not delete ends by itself after this time without a request. Windows' least is 60 seconds.
IDLE = "PT180S"
LARGEST_OUTPUT = 64 * 1024 * 1024
_PIECE = 64 * 1024  # of input: stays far below the 500 KiB that a message may have
_DELETE_ATTEMPTS = 3
_DELETE_PAUSE = 1.0
_DELETE_SECONDS = 20.0  # after which no attempt begins any more: a host that is gone answers none
# By this variable a shell is known again whose id never reached us.
MARK = "DROVER_SHELL"

_SHELLS = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_ENUMERATE = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Completed:
    exit_code: int
    out: bytes
    err: bytes


class Shell:
    """A shell for one command. :param connect: makes a Protocol of its own, with a connection of its own."""

    def __init__(self, target: Target, connect: Callable[[], "Protocol"]) -> None:
        self._target = target
        self._connect = connect
        self._mark = str(uuid.uuid4())
        self._id: str | None = None
        self._begun = False

    def run(self, command: str, stdin: bytes, until: float, cancelled: Callable[[], bool]) -> Completed:
        """Runs the command to its end. :param until: of `time.monotonic`.

        :raises RetryableError: the connection broke, the deadline passed, or it was cancelled; the shell is gone.
        """
        protocol = None
        try:
            with host_errors(self._target):
                protocol = self._connect()
                done = self._run(protocol, command, stdin, until, cancelled)
        except BaseException as error:
            _close(protocol)
            if self._id or (self._begun and arrived(error)):
                self._delete_somehow()
            raise
        if not self._delete(protocol):
            self._delete_somehow()
        return done

    def _run(
        self, protocol: "Protocol", command: str, stdin: bytes, until: float, cancelled: Callable[[], bool]
    ) -> Completed:
        self._begun = True
        self._id = protocol.open_shell(codepage=65001, env_vars={MARK: self._mark}, idle_timeout=IDLE)
        # Input is bytes for the program, not keys for a console.
        command_id = protocol.run_command(self._id, command, console_mode_stdin=False)
        for at in range(0, len(stdin), _PIECE):
            end = at + _PIECE >= len(stdin)
            protocol.send_command_input(self._id, command_id, stdin[at : at + _PIECE], end=end)
        return self._collect(protocol, command_id, until, cancelled)

    def _collect(self, protocol: "Protocol", command_id: str, until: float, cancelled: Callable[[], bool]) -> Completed:
        from winrm.exceptions import WinRMOperationTimeoutError

        out, err = bytearray(), bytearray()
        while True:
            left = until - time.monotonic()
            if cancelled():
                raise RetryableError(f"The command on {self._target.host} was cancelled.", remedy="Start it again.")
            if left <= 0:
                raise RetryableError(
                    f"A command on {self._target.host} did not end in time.", remedy="See what keeps the host busy."
                )
            protocol.operation_timeout_sec = max(1, min(LOOK, round(left)))
            try:
                more_out, more_err, code, done = protocol.get_command_output_raw(self._id or "", command_id)
            except WinRMOperationTimeoutError:
                continue
            out += more_out
            err += more_err
            if done:
                return Completed(code, bytes(out), bytes(err))
            if len(out) + len(err) > LARGEST_OUTPUT:
                raise OperatorNeededError(
                    f"A command on {self._target.host} wrote more than {LARGEST_OUTPUT // 2**20} MiB.",
                    remedy="See what it writes there.",
                )

    def _delete(self, protocol: "Protocol | None") -> bool:
        """Deletes the shell over this connection. :returns: whether it is gone."""
        from winrm.exceptions import WSManFaultError

        if protocol is None or self._id is None:
            return False
        try:
            protocol.close_shell(self._id)
        except WSManFaultError as error:
            return error.wsman_fault_code == NO_SUCH_THING
        except Exception as error:  # noqa: BLE001 - whatever broke, another connection is tried next
            log.debug("A shell on %s was not deleted: %s", self._target.host, type(error).__name__)
            return False
        return True

    def _delete_somehow(self) -> None:
        """Deletes the shell over a connection of its own, and says so where even that cannot be done."""
        until = time.monotonic() + _DELETE_SECONDS
        for attempt in range(_DELETE_ATTEMPTS):
            if attempt:
                time.sleep(_DELETE_PAUSE)
            if time.monotonic() > until:
                break
            protocol = None
            try:
                with host_errors(self._target):
                    protocol = self._connect()
                    ids = [self._id] if self._id else marked(protocol, self._mark)
                    for self._id in ids:
                        if not self._delete(protocol):
                            break
                    else:
                        return
            except DroverError as error:
                log.debug("A shell on %s is not deleted yet: %s", self._target.host, error)
            finally:
                _close(protocol)
        log.warning("A shell on %s could not be deleted; it ends by itself in three minutes.", self._target.host)


def marked(protocol: "Protocol", mark: str) -> list[str]:
    """The ids of the shells that carry this mark."""
    import xmltodict

    envelope: dict[str, Any] = protocol.build_wsman_header(action=_ENUMERATE, resource_uri=_SHELLS)
    envelope["env:Body"] = {"n:Enumerate": {"w:OptimizeEnumeration": None, "w:MaxElements": "32000"}}
    root = ElementTree.fromstring(protocol.send_message(xmltodict.unparse({"env:Envelope": envelope})))
    found = []
    for shell in root.iter(f"{{{_SHELLS}}}Shell"):
        variables = shell.iter(f"{{{_SHELLS}}}Variable")
        if any(item.get("Name") == MARK and item.text == mark for item in variables):
            found.append(shell.findtext(f"{{{_SHELLS}}}ShellId") or "")
    return found


def _close(protocol: "Protocol | None") -> None:
    if protocol is not None:
        with suppress(Exception):
            protocol.transport.close_session()
