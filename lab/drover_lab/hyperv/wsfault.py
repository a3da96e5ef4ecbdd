"""The faults that Windows answers with: their codes, their words, their shape."""

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from drover_lab.hyperv.soap import Request, answer, element

_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
_DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail"
_NAMESPACE = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"

TIMED_OUT = 2150858793
NO_SUCH_THING = 2150858843
QUOTA_SHELLS = 2150859173
QUOTA_COMMANDS = 2150859241
ABORTED = 995
ACCESS_DENIED = 5
BAD_PARAMETER = 87
TOO_LARGE = 2150858805


@dataclass(eq=False)
class Fault(Exception):
    """One fault. :param code: of WSManFault. :param detail: the last word of FaultDetail. :param provider: cmd's."""

    code: int
    subcode: str
    reason: str
    message: str
    sender: bool = True
    detail: str | None = None
    provider: bool = False

    def xml(self, request: Request, machine: str) -> bytes:
        value = element("s:Value", "s:Sender" if self.sender else "s:Receiver")
        subcode = f"<s:Subcode>{element('s:Value', self.subcode)}</s:Subcode>"
        reason = f'<s:Reason><s:Text xml:lang="en-US">{escape(self.reason)}</s:Text></s:Reason>'
        detail = element("w:FaultDetail", f"{_DETAIL}/{self.detail}") if self.detail else ""
        message = escape(self.message)
        if self.provider:
            path = r"%systemroot%\system32\winrscmd.dll"
            message = f'<f:ProviderFault provider="Shell cmd plugin" path="{path}">{message}</f:ProviderFault>'
        detail += (
            f'<f:WSManFault xmlns:f="{_NAMESPACE}" Code="{self.code}" Machine={quoteattr(machine)}>'
            f"<f:Message>{message}</f:Message></f:WSManFault>"
        )
        fault = f"<s:Fault><s:Code>{value}{subcode}</s:Code>{reason}<s:Detail>{detail}</s:Detail></s:Fault>"
        return answer(request, fault, _ACTION)


def timed_out() -> Fault:
    said = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  "
    return Fault(TIMED_OUT, "w:TimedOut", said, said, sender=False)


def _selectors(message: str) -> Fault:
    reason = (
        "The WS-Management service cannot process the request because the request contained invalid selectors for the "
        "resource. "
    )
    return Fault(NO_SUCH_THING, "w:InvalidSelectors", reason, message, detail="UnexpectedSelectors")


def no_such_shell(shell: str) -> Fault:
    return _selectors(
        "The request for the Windows Remote Shell with ShellId "
        f"{shell} failed because the shell was not found on the server. Possible causes are: the specified ShellId is "
        "incorrect or the shell no longer exists on the server. Provide the correct ShellId or create a new shell and "
        "retry the operation. "
    )


def no_such_command() -> Fault:
    return _selectors(
        "The Windows Remote Shell received a request to perform an operation on a command identifier that does not "
        "exist. Either the command has completed execution or the client specified an invalid command identifier. "
    )


def bad_parameter() -> Fault:
    said = "The parameter is incorrect. "
    return Fault(BAD_PARAMETER, "w:InvalidParameter", said, said, detail="InvalidValue", provider=True)


def too_many_shells(limit: int) -> Fault:
    reason = (
        "The WS-Management service cannot process the request. The maximum number of concurrent shells for this user "
        "has been exceeded. Close existing shells or raise the quota for this user. "
    )
    message = (
        f"The WS-Management service cannot process the request. This user is allowed a maximum number of {limit} "
        "concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user. "
    )
    return Fault(QUOTA_SHELLS, "w:QuotaLimit", reason, message)


def too_many_commands(limit: int) -> Fault:
    said = (
        "The WS-Management service cannot process the request. The maximum number of processes per shell is "
        f"{limit}, which has been exceeded. "
    )
    return Fault(QUOTA_COMMANDS, "w:QuotaLimit", said, said)


def too_large() -> Fault:
    said = (
        "The WS-Management service cannot process the request because the encoding of the request exceeds an internal "
        "encoding limit. Reconfigure the client to send messages which fit the encoding limits of the service. "
    )
    return Fault(TOO_LARGE, "w:EncodingLimit", said, said, detail="MaxEnvelopeSize")


def aborted() -> Fault:
    said = "The I/O operation has been aborted because of either a thread exit or an application request. "
    return Fault(ABORTED, "w:InternalError", said, said, sender=False)


def access_denied() -> Fault:
    return Fault(ACCESS_DENIED, "w:AccessDenied", "Access is denied. ", "Access is denied. ")
