"""The border: what pywinrm, requests and Kerberos raise becomes Drover's errors, one plain sentence each."""

import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from drover.errors import DroverError, OperatorNeededError, RetryableError
from drover.hypervisors.border import errors_by, one_line
from drover.hypervisors.hyperv.target import Target

_AGAIN = "Try again when the host answers."
# Kerberos' own limit for clocks.
CLOCK_LIMIT = timedelta(minutes=5)

NO_SUCH_THING = 2150858843
_QUOTA_OF_SHELLS = {2150859173, 2150859236}
_QUOTA_OF_COMMANDS = {2150859174, 2150859241}
_ABORTED = 995
_ACCESS_DENIED = 5

# PowerShell's categories of errors that may be gone the next time.
_PASSING = {"ConnectionError", "OperationStopped", "OperationTimeout", "ResourceBusy", "ResourceUnavailable"}
_FORBIDDEN = {"AuthenticationError", "PermissionDenied", "SecurityError"}


class ScriptError(OperatorNeededError):
    """A script ended with an error. :ivar category: PowerShell's word for its kind. :ivar id: FullyQualifiedErrorId."""

    category = ""
    id = ""


def script_error(host: str, answer: Mapping[str, Any]) -> DroverError:
    """The error that a script's answer tells of."""
    category, error_id = str(answer.get("category", "")), str(answer.get("id", ""))
    said = one_line(answer.get("message")) or "an error without a message"
    # What a script of ours throws has its own text for an id, and is a decision: it does not pass.
    if category in _PASSING and error_id != str(answer.get("message", "")):
        return RetryableError(f"Hyper-V on {host} says: {said}.", remedy="Try again in a minute.")
    if category in _FORBIDDEN:
        remedy = f"Make the login a member of Hyper-V Administrators and of Remote Management Users on {host}."
    else:
        remedy = "Correct that on the host."
    error = ScriptError(f"Hyper-V on {host} says: {said}.", remedy=remedy)
    error.category, error.id = category, error_id
    return error


def host_errors(target: Target) -> AbstractContextManager[None]:
    """Turns what goes wrong inside into a DroverError that names the host."""
    return errors_by(partial(translate, target))


def translate(target: Target, error: Exception) -> DroverError | None:
    """The DroverError for what a library raised, or None where it is none of theirs (a mistake of ours)."""
    import requests
    from winrm import exceptions as winrm

    host = target.host
    if isinstance(error, winrm.AuthenticationError):
        return _refused(target, error)
    if isinstance(error, winrm.WSManFaultError):
        return _fault(host, error)
    if isinstance(error, winrm.WinRMTransportError):
        return _status(target, error)
    if isinstance(error, winrm.WinRMOperationTimeoutError):
        return RetryableError(f"{host} did not carry out a WinRM request in time.", remedy=_AGAIN)
    if isinstance(error, _login_errors()):
        return _login(target, error)
    if isinstance(error, requests.RequestException):
        return _connection(target, error)
    if isinstance(error, winrm.WinRMError):
        return RetryableError(
            f"WinRM on {host} answered something that is no answer: {one_line(error)}.", remedy=_AGAIN
        )
    return None


def arrived(error: BaseException) -> bool:
    """Whether the host may have carried out the request that ended like this."""
    import requests
    from winrm import exceptions as winrm

    cause = error.__cause__ or error
    answered = (winrm.AuthenticationError, winrm.WSManFaultError, winrm.WinRMTransportError)
    never = (requests.exceptions.SSLError, requests.ConnectTimeout)
    if isinstance(cause, answered + never + _login_errors()):
        return False
    return not _lies_in(cause, ConnectionRefusedError) and not _lies_in(cause, socket.gaierror)


def _lies_in(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether what was raised comes of such an error, however deep requests and urllib3 have wrapped it."""
    while error is not None:
        if isinstance(error, kind):
            return True
        inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
        error = error.__cause__ or error.__context__ or getattr(inner, "reason", None) or inner
    return False


def _connection(target: Target, error: Exception) -> DroverError:
    import requests

    host, port = target.host, target.port
    if isinstance(error, requests.exceptions.SSLError):
        return OperatorNeededError(
            f"The certificate of {host} is not trusted: {_certificate_problem(error)}.",
            remedy="Find out whether it is the right host; if so, name the CA of its certificate in the connection's "
            "ca_file.",
        )
    if _lies_in(error, ConnectionRefusedError):
        return RetryableError(
            f"WinRM is not running on {host}: nothing listens at port {port}.",
            remedy="Start it there with 'winrm quickconfig', or correct host and port in the connection.",
        )
    if isinstance(error, requests.Timeout):
        return RetryableError(f"{host} does not answer at port {port}.", remedy=_AGAIN)
    if _lies_in(error, socket.gaierror):
        return OperatorNeededError(
            f"The name {host} is not known here.", remedy="Correct the host in the connection, or the name service."
        )
    return RetryableError(f"The connection to {host} broke.", remedy=_AGAIN)


def _certificate_problem(error: Exception) -> str:
    text = str(error)
    if "verify failed: " in text:
        return text.partition("verify failed: ")[2].partition(" (_ssl")[0].rstrip(".)'\"")
    return one_line(text)[-200:]


def _refused(target: Target, error: Exception) -> DroverError:
    skew = _clock_difference(error) if target.transport == "kerberos" else None
    if skew is not None and abs(skew) > CLOCK_LIMIT:
        return clock_error(target.host, skew)
    if target.transport == "certificate":
        return OperatorNeededError(
            f"{target.host} knows no login for the certificate of the connection '{target.id}'.",
            remedy="Map the certificate to a user there (WSMan:\\localhost\\ClientCertificate).",
        )
    return OperatorNeededError(
        f"{target.host} refuses the login of the connection '{target.id}' by {target.transport}.",
        remedy="Check login and password, and that this way of logging in is enabled there (winrm get "
        "winrm/config/service/auth).",
    )


def clock_error(host: str, skew: timedelta | None) -> OperatorNeededError:
    """:param skew: how far the other clock is ahead, where that is known."""
    far = f"differ by {round(abs(skew.total_seconds()) / 60)} minutes" if skew else "differ by too much"
    return OperatorNeededError(
        f"The clocks of {host} and of this machine {far}, and Kerberos allows five minutes.",
        remedy="Set both clocks by the same time server.",
    )


def _clock_difference(error: BaseException | None) -> timedelta | None:
    """How far the host's clock is ahead, by its last HTTP answer."""
    while error is not None:
        date = getattr(getattr(error, "response", None), "headers", {}).get("Date")
        if date:
            return parsedate_to_datetime(date) - datetime.now(UTC)
        error = error.__cause__ or error.__context__
    return None


def _fault(host: str, error: Any) -> DroverError:
    code, said = error.wsman_fault_code, one_line(error.reason)
    if code in _QUOTA_OF_SHELLS:
        return RetryableError(
            f"The login of this connection has as many shells open on {host} as WinRM allows.",
            remedy="Wait until other programs of this login are done, or raise MaxShellsPerUser there.",
        )
    if code in _QUOTA_OF_COMMANDS:
        return RetryableError(
            f"The login of this connection runs as many commands on {host} as WinRM allows.",
            remedy="Wait until other programs of this login are done, or raise MaxProcessesPerShell there.",
        )
    if code == _ACCESS_DENIED:
        return OperatorNeededError(
            f"The login of this connection may not use WinRM on {host}.",
            remedy="Make it a member of Hyper-V Administrators and of Remote Management Users there.",
        )
    if code in (NO_SUCH_THING, _ABORTED):
        return RetryableError(
            f"{host} lost the command that ran there; WinRM or the host was restarted.", remedy=_AGAIN
        )
    return OperatorNeededError(f"WinRM on {host} says: {said}.", remedy="Correct that on the host.")


def _status(target: Target, error: Any) -> DroverError:
    if error.code == 404:
        return OperatorNeededError(
            f"There is no WinRM at {target.url}: something else answers there.",
            remedy="Correct host and port in the connection.",
        )
    if error.code == 500 and not error.response_text:
        return _unsealed(target)
    if error.code == 503:
        return RetryableError(f"WinRM on {target.host} is not available at the moment (HTTP 503).", remedy=_AGAIN)
    return OperatorNeededError(
        f"WinRM on {target.host} answered with HTTP {error.code}.", remedy="See the host's event log of WinRM."
    )


def _unsealed(target: Target) -> OperatorNeededError:
    return OperatorNeededError(
        f"{target.host} refuses a message that is neither sealed nor sent over HTTPS.",
        remedy="Use https, or one of the transports ntlm, kerberos and credssp.",
    )


def _ended_without_a_word(target: Target, error: Exception) -> bool:
    """With the last word of CredSSP's login goes the first message. A host that refuses a login names those it takes;
    one that refuses the message names none, and the library takes that for a login that failed."""
    said = str(error)
    return target.scheme == "http" and " CredSSP token after step " in said and said.endswith(" - actual ''")


def _login_errors() -> tuple[type[Exception], ...]:
    """What the libraries for Kerberos and CredSSP raise; they know nothing of each other."""
    from requests_credssp.exceptions import AuthenticationException, NTStatusException
    from spnego.exceptions import SpnegoError
    from winrm.vendor.requests_kerberos.exceptions import KerberosExchangeError, MutualAuthenticationError

    return AuthenticationException, NTStatusException, SpnegoError, KerberosExchangeError, MutualAuthenticationError


def _login(target: Target, error: Exception) -> DroverError:
    from winrm.vendor.requests_kerberos.exceptions import KerberosExchangeError, MutualAuthenticationError

    if isinstance(error, MutualAuthenticationError):
        return OperatorNeededError(
            f"{target.host} could not prove by Kerberos that it is the host it says.",
            remedy="Find out what answers there, and whether its account in the domain is in order.",
        )
    if not isinstance(error, KerberosExchangeError):
        return _unsealed(target) if _ended_without_a_word(target, error) else _refused(target, error)
    text = str(error)
    if "not found in Kerberos database" in text:
        name = target.kerberos_host or target.host
        return OperatorNeededError(
            f"The domain knows no service HTTP/{name}.",
            remedy="Name the host in the connection as the domain does, or give its name as kerberos_host.",
        )
    if "Clock skew" in text:
        return clock_error(target.host, None)
    return OperatorNeededError(
        f"The login at {target.host} by Kerberos failed: {one_line(text)[-300:]}.",
        remedy="Correct that in the domain, or use another transport.",
    )
