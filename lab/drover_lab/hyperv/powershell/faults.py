"""Errors as scripts see them: records with category and id, exceptions of .NET by name, and the ways out of a block."""

from dataclasses import dataclass, field
from typing import Any

from drover_lab.hyperv.soap import NotModelledError

# Exceptions of .NET that the model raises or scripts catch, and what each of them is besides.
_PARENTS = {
    "System.Exception": "",
    "System.SystemException": "System.Exception",
    "System.ArgumentException": "System.SystemException",
    "System.ArgumentNullException": "System.ArgumentException",
    "System.ArgumentOutOfRangeException": "System.ArgumentException",
    "System.FormatException": "System.SystemException",
    "System.InvalidCastException": "System.SystemException",
    "System.InvalidOperationException": "System.SystemException",
    "System.NotSupportedException": "System.SystemException",
    "System.UnauthorizedAccessException": "System.SystemException",
    "System.TimeoutException": "System.SystemException",
    "System.OverflowException": "System.ArithmeticException",
    "System.DivideByZeroException": "System.ArithmeticException",
    "System.ArithmeticException": "System.SystemException",
    "System.IO.IOException": "System.SystemException",
    "System.IO.FileNotFoundException": "System.IO.IOException",
    "System.IO.DirectoryNotFoundException": "System.IO.IOException",
    "System.Management.Automation.RuntimeException": "System.SystemException",
    "System.Management.Automation.CmdletInvocationException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.CommandNotFoundException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.MethodInvocationException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.PropertyNotFoundException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.ParameterBindingException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.ItemNotFoundException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.ParseException": "System.Management.Automation.RuntimeException",
    "System.Management.Automation.ActionPreferenceStopException": "System.Management.Automation.RuntimeException",
    "Microsoft.HyperV.PowerShell.VirtualizationException": "System.Exception",
    "Microsoft.PowerShell.Commands.WriteErrorException": "System.SystemException",
    "Microsoft.Management.Infrastructure.CimException": "System.Exception",
    "Microsoft.PowerShell.Cmdletization.Cim.CimJobException": "System.Exception",
}
_SHORT = {name.rpartition(".")[2].lower(): name for name in _PARENTS} | {name.lower(): name for name in _PARENTS}
RUNTIME = "System.Management.Automation.RuntimeException"


def exception_name(name: str) -> str:
    """The full name of a type of exceptions. :raises NotModelledError: there is none here."""
    found = _SHORT.get(name.lower().removeprefix("system.") if name.lower() not in _SHORT else name.lower())
    if found is None:
        raise NotModelledError(f"the exception [{name}]")
    return found


def is_exception(name: str) -> bool:
    return name.lower() in _SHORT or name.lower().removeprefix("system.") in _SHORT


@dataclass(slots=True)
class NetException:
    """:param type: the full name. :param number: HResult."""

    type: str
    message: str
    inner: "NetException | None" = None
    number: int = -2146233088

    def is_a(self, name: str) -> bool:
        here = self.type
        while here:
            if here == name:
                return True
            here = _PARENTS.get(here, "System.Exception" if here != "System.Exception" else "")
        return False


@dataclass(slots=True)
class ErrorRecord:
    """:param id: FullyQualifiedErrorId. :param activity: the cmdlet that said it."""

    exception: NetException
    category: str = "NotSpecified"
    id: str = ""
    activity: str = ""
    target: Any = None
    extra: dict[str, Any] = field(default_factory=dict)


class ScriptFault(Exception):
    """A terminating error on its way to a `catch`. :ivar record: what `$_` is there."""

    def __init__(self, record: ErrorRecord) -> None:
        super().__init__(record.exception.message)
        self.record = record


class CmdletFault(Exception):
    """What a cmdlet says of one thing that it could not do; whether that ends the script, $ErrorActionPreference says.

    :ivar id: without the name of the cmdlet.
    """

    def __init__(
        self,
        message: str,
        error_id: str,
        category: str = "NotSpecified",
        exception: str = "System.Exception",
        *,
        ends: bool = False,
        target: Any = None,
    ) -> None:
        super().__init__(message)
        self.message, self.id, self.category, self.exception = message, error_id, category, exception
        self.ends, self.target = ends, target


class BreakOut(Exception):
    """`break`."""


class ContinueOut(Exception):
    """`continue`."""


class ReturnOut(Exception):
    """`return`: what it returns has been written."""


class ExitOut(Exception):
    """`exit`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Cancelled(BaseException):  # noqa: N818 - nothing went wrong: nobody wants the output any more
    """The command is ended from outside."""


def fault(
    message: str,
    error_id: str,
    category: str = "InvalidOperation",
    exception: str = RUNTIME,
    inner: NetException | None = None,
) -> ScriptFault:
    return ScriptFault(ErrorRecord(NetException(exception, message, inner), category, error_id))


def called(method: str, count: int, inner: NetException) -> ScriptFault:
    """A method of .NET raised an exception."""
    return fault(
        f'Exception calling "{method}" with "{count}" argument(s): "{inner.message}"',
        inner.type.rpartition(".")[2],
        "NotSpecified",
        "System.Management.Automation.MethodInvocationException",
        inner,
    )


def no_method(type_name: str, name: str) -> ScriptFault:
    return fault(
        f"Method invocation failed because [{type_name}] does not contain a method named '{name}'.", "MethodNotFound"
    )
