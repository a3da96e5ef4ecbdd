"""Values as text, as numbers and as truth, as PowerShell converts them, and the names of their types."""

import math
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from drover_lab.hyperv.powershell.faults import ErrorRecord, NetException, ScriptFault, fault
from drover_lab.hyperv.powershell.values import (
    Enum,
    GenericList,
    Hashtable,
    PsObject,
    ScriptBlock,
    TypeName,
    Version,
    plain,
)
from drover_lab.hyperv.soap import NotModelledError

# Short name -> least and greatest value.
INTEGERS = {
    "byte": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int": (-(2**31), 2**31 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "long": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "System.Boolean"),
    (float, "System.Double"),
    (str, "System.String"),
    (bytes, "System.Byte[]"),
    (datetime, "System.DateTime"),
    (timedelta, "System.TimeSpan"),
    (uuid.UUID, "System.Guid"),
    (Version, "System.Version"),
    (GenericList, "System.Collections.Generic.List`1[System.Object]"),
    (list, "System.Object[]"),
    (ScriptBlock, "System.Management.Automation.ScriptBlock"),
    (ErrorRecord, "System.Management.Automation.ErrorRecord"),
    (TypeName, "System.RuntimeType"),
)


def type_of(value: Any) -> str:
    """The full name of a value's type."""
    if isinstance(value, Hashtable):
        ordered = "System.Collections.Specialized.OrderedDictionary"
        return ordered if value.ordered else "System.Collections.Hashtable"
    if isinstance(value, PsObject | NetException | Enum):
        return value.type
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    if isinstance(value, int):
        low, high = INTEGERS["int"]
        return "System.Int32" if low <= value <= high else "System.Int64"
    raise NotModelledError(f"the type of {value!r}")


def truth(value: Any) -> bool:
    value = plain(value)
    if isinstance(value, list):
        return truth(value[0]) if len(value) == 1 else bool(value)
    if isinstance(value, Enum):
        return value.number != 0
    if isinstance(value, bool | int | float | str):
        return bool(value)
    return value is not None


def text(value: Any) -> str:
    """[string]$value, with the invariant culture."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, str | int | uuid.UUID | Version):
        return str(value)
    if isinstance(value, list | bytes):
        return " ".join(text(item) for item in value)
    for kind, write in _WRITTEN.items():
        if isinstance(value, kind):
            return write(value)
    return type_of(value)


def _double(value: float) -> str:
    if math.isinf(value) or math.isnan(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    written = f"{value:.15g}"
    if "e" in written:
        raise NotModelledError(f"how the number {value} is written")
    return written


def span(value: timedelta) -> str:
    seconds, ticks = divmod(abs(ticks_of(value)), 10_000_000)
    days, seconds = divmod(seconds, 86400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    sign = "-" if value < timedelta() else ""
    return sign + (f"{days}." if days else "") + clock + (f".{ticks:07}" if ticks else "")


def ticks_of(value: timedelta) -> int:
    return (value.days * 86400 + value.seconds) * 10_000_000 + value.microseconds * 10


def _object(value: PsObject) -> str:
    if value.text is not None:
        return value.text
    if value.made:
        return "@{" + "; ".join(f"{name}={text(item)}" for name, item in value.properties.items()) + "}"
    return value.type


_WRITTEN: dict[type, Callable[[Any], str]] = {
    float: _double,
    datetime: lambda value: value.strftime("%m/%d/%Y %H:%M:%S"),
    timedelta: span,
    Enum: lambda value: value.name,
    PsObject: _object,
    ScriptBlock: lambda value: value.text,
    NetException: lambda value: f"{value.type}: {value.message}",
    ErrorRecord: lambda value: value.exception.message,
    TypeName: lambda value: value.name,
}


def number(value: Any) -> int | float:
    """For arithmetic. :raises ScriptFault: it is no number."""
    value = plain(value)
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, Enum):
        return value.number
    if isinstance(value, str):
        found = parsed(value)
        if found is not None:
            return found
        raise impossible(value, "System.Int32", "Input string was not in a correct format.")
    raise NotModelledError(f"arithmetic with {type_of(value)}")


def parsed(value: str) -> int | float | None:
    """The number that a string is; None: it is none."""
    written = value.strip()
    if not written:
        return 0
    try:
        return int(written, 16) if written.lower().startswith("0x") else int(written)
    except ValueError:
        pass
    try:
        return float(written)
    except ValueError:
        return None


def impossible(value: Any, name: str, why: str) -> ScriptFault:
    """What a conversion to the type `name` raises."""
    shown = text(value)
    return fault(
        f'Cannot convert value "{shown}" to type "{name}". Error: "{why}"',
        "InvalidCastFromStringToInteger" if isinstance(value, str) else "ConvertToFinalInvalidCastException",
        "InvalidArgument",
        "System.InvalidCastException",
    )
