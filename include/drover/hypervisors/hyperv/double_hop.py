"""The second hop: whoever is logged in at one Hyper-V host cannot log in at the next one with that, unless allowed."""

from collections.abc import Iterator
from contextlib import contextmanager

from drover.errors import OperatorNeededError
from drover.hypervisors.hyperv.errors import ScriptError
from drover.hypervisors.hyperv.session import Session
from drover.hypervisors.hyperv.target import Target

# SEC_E_NO_CREDENTIALS. Windows tells the rest in its own language.
_NO_CREDENTIALS = "0x8009030e"
_FORBIDDEN = {"AuthenticationError", "PermissionDenied", "SecurityError"}


@contextmanager
def explained(source: Session, target: Session) -> Iterator[None]:
    """Says what to do where the source's host could not log in at the target's."""
    try:
        yield
    except ScriptError as error:
        if _NO_CREDENTIALS not in error.message.lower() and error.category not in _FORBIDDEN:
            raise
        raise OperatorNeededError(
            f"{source.target.host} could not log in at {target.target.host} for the move: {_why(source.target)} "
            f"({error.message})",
            remedy=_remedy(source.target, target.target.host),
        ) from error


def delegates(target: Target) -> bool:
    """Whether the login at this host can be used at a second one."""
    return target.transport == "credssp" or (target.transport == "kerberos" and target.delegation)


def _why(target: Target) -> str:
    if delegates(target):
        return "the login was passed on and refused."
    return f"a login by {target.transport} is good for one host only and cannot be passed on (the double hop)."


def _remedy(target: Target, there: str) -> str:
    if delegates(target):
        return (
            f"Make the login a member of Hyper-V Administrators on {there} too. With Kerberos, allow both computers "
            "in the domain to delegate to each other's 'Microsoft Virtual System Migration Service' and 'cifs'."
        )
    return (
        f"Set the connection '{target.id}' to the transport credssp, or to kerberos with delegation; or set both hosts "
        "to Kerberos (Set-VMHost -VirtualMachineMigrationAuthenticationType) and allow their computers in the domain "
        "to delegate to each other's 'Microsoft Virtual System Migration Service' and 'cifs'."
    )
