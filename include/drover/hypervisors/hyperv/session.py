"""PowerShell on one Hyper-V host: scripts in, plain values out.

Every script has a shell, a login and a TCP connection of its own: WinRM seals messages by connection and by sequence,
so what one script breaks, no other one can notice, and there is nothing to reconnect.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from drover.hypervisors.connection import ConnectionSpec
from drover.hypervisors.hyperv import bootstrap, target
from drover.hypervisors.hyperv.errors import script_error
from drover.hypervisors.hyperv.shell import OPERATION, READ, Shell

if TYPE_CHECKING:
    from winrm.protocol import Protocol

DEADLINE = 120.0  # seconds that a script may take where nobody says more


class Session:
    """The host of `spec`. Nothing is asked before the first script. Close it, or use it as a context manager.

    :raises BadInputError: the connection cannot work as it is written.
    """

    def __init__(self, spec: ConnectionSpec) -> None:
        self.target = target.read(spec)
        self.spec = spec
        self._folder = tempfile.TemporaryDirectory(prefix="drover-winrm-")
        verified = self.target.scheme == "https" and self.target.verify_certificate
        self._trust = target.trust(spec, Path(self._folder.name)) if verified else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._folder.cleanup()

    def run(
        self,
        script: str,
        parameters: Mapping[str, object] | None = None,
        *,
        deadline: float = DEADLINE,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Any]:
        """Runs a script with its parameters as its one argument. :returns: what it wrote to its output, as JSON values.

        :param script: reviewed text of ours; whatever a user can name belongs into `parameters`.
        :param deadline: seconds. :param cancelled: asked between two looks at the host.
        :raises ScriptError: the script ended with an error.
        :raises RetryableError: the connection broke, or the deadline passed; nothing of it is left at the host.
        :raises OperatorNeededError: the host refuses: login, certificate, rights.
        """
        shell = Shell(self.target, self._connect)
        stdin = bootstrap.document(script, parameters or {})
        done = shell.run(bootstrap.command_line(), stdin, time.monotonic() + deadline, cancelled)
        answer = bootstrap.answer(self.target.host, done.out, done.err, done.exit_code)
        if not answer["ok"]:
            raise script_error(self.target.host, answer)
        return list(answer["value"])

    def _connect(self) -> "Protocol":
        """A Protocol with a connection of its own, which is opened when it is first used."""
        protocol = self._protocol()
        if self.target.transport == "kerberos":
            from drover.hypervisors.hyperv import tickets

            with tickets.ticket(self.target, self.spec.login or "", self.spec.password or ""):
                protocol.transport.build_session()  # logs in, as messages are sealed
        return protocol

    def _protocol(self) -> "Protocol":
        from winrm.protocol import Protocol

        to, spec = self.target, self.spec
        certificate = to.transport == "certificate"
        return Protocol(
            endpoint=to.url,
            transport=to.transport,
            username=spec.login,
            password=spec.password,
            ca_trust_path=self._trust,
            cert_pem=target.existing(spec, "cert_file") if certificate else None,
            cert_key_pem=target.existing(spec, "key_file") if certificate else None,
            server_cert_validation="validate" if to.verify_certificate else "ignore",
            kerberos_delegation=to.delegation,
            kerberos_hostname_override=to.kerberos_host,
            message_encryption="always" if to.transport == "kerberos" else "auto",
            read_timeout_sec=READ,
            operation_timeout_sec=OPERATION,
            # The login goes to the host that the connection names, never to a proxy that the environment names.
            proxy=None,
        )
