"""Values into other types, as PowerShell converts them: casts, parameters, strings, truth."""

import math
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from drover_lab.hyperv.powershell.faults import ErrorRecord, NetException, ScriptFault, fault
from drover_lab.hyperv.powershell.values import (
    NOTHING,
    Enum,
    GenericList,
    Hashtable,
    PsObject,
    ScriptBlock,
    TypeName,
    Version,
    custom,
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
_FULL = {"int": "Int32", "long": "Int64", "bool": "Boolean", "switch": "SwitchParameter"}
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
        found = _parsed(value)
        if found is not None:
            return found
        raise _impossible(value, "System.Int32", "Input string was not in a correct format.")
    raise NotModelledError(f"arithmetic with {type_of(value)}")


def _parsed(value: str) -> int | float | None:
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


def _impossible(value: Any, name: str, why: str) -> ScriptFault:
    shown = text(value)
    return fault(
        f'Cannot convert value "{shown}" to type "{name}". Error: "{why}"',
        "InvalidCastFromStringToInteger" if isinstance(value, str) else "ConvertToFinalInvalidCastException",
        "InvalidArgument",
        "System.InvalidCastException",
    )


def _integer(value: Any, name: str) -> int:
    full = f"System.{_FULL.get(name, {'uint': 'UInt', 'int16': 'Int16'}.get(name, name.replace('int', 'Int')))}"
    full = full.replace("uInt", "UInt")
    found = number(value) if not isinstance(value, str) else _parsed(value)
    if found is None:
        raise _impossible(value, full, "Input string was not in a correct format.")
    if isinstance(found, float):
        if math.isinf(found) or math.isnan(found):
            raise _impossible(value, full, "Value was either too large or too small.")
        found = int(Decimal(found).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    low, high = INTEGERS[name]
    if not low <= found <= high:
        raise _impossible(
            value, full, f"Value was either too large or too small for an {full.removeprefix('System.')}."
        )
    return found


def cast(value: Any, kind: TypeName) -> Any:
    """[kind]$value. :raises ScriptFault: PowerShell cannot. :raises NotModelledError: we cannot."""
    name, value = kind.name, plain(value)
    if name == "void":
        return NOTHING
    if name.endswith("[]"):
        return _array(value, TypeName(name[:-2]))
    if name in INTEGERS:
        return _integer(value, name)
    if name not in _CASTS:
        raise NotModelledError(f"the type [{name}]")
    return _CASTS[name](value)


def _array(value: Any, element: TypeName) -> Any:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value if element.name == "byte" else [cast(item, element) for item in value]
    return [cast(item, element) for item in (value if isinstance(value, list) else [value])]


def _guid(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(str(value))
    except ValueError:
        raise _impossible(value, "System.Guid", "Guid should contain 32 digits with 4 dashes.") from None


def _boolean(value: Any) -> bool:
    return truth(value)


def _double_of(value: Any) -> float:
    return float(number(value))


def _object_of(value: Any) -> Any:
    return custom(value) if isinstance(value, Hashtable) else value


def _ordered(value: Any) -> Any:
    if not isinstance(value, Hashtable):
        raise NotModelledError("[ordered] of something that is no hashtable")
    value.ordered = True
    return value


def _timespan(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int):
        return timedelta(microseconds=value // 10)
    days, _, clock = str(value).rpartition(".") if str(value).count(":") == 2 else ("", "", str(value))
    parts = clock.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise NotModelledError(f"the time span {value!r}")
    hours, minutes, seconds = map(int, parts)
    return timedelta(days=int(days or 0), hours=hours, minutes=minutes, seconds=seconds)


def _datetime(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        raise NotModelledError(f"the date {value!r}") from None


def _version(value: Any) -> Any:
    try:
        return value if isinstance(value, Version) else Version(tuple(int(part) for part in text(value).split(".")))
    except ValueError:
        raise _impossible(value, "System.Version", "Version string portion was too short or too long.") from None


def _char(value: Any) -> str:
    found = chr(value) if isinstance(value, int) else text(value)
    if len(found) != 1:
        raise _impossible(value, "System.Char", "String must be exactly one character long.")
    return found


def _hashtable(value: Any) -> Any:
    if value is None or isinstance(value, Hashtable):
        return value
    raise _impossible(value, "System.Collections.Hashtable", "It is another type.")


_CASTS: dict[str, Callable[[Any], Any]] = {
    "string": text,
    "bool": _boolean,
    "boolean": _boolean,
    "switch": _boolean,
    "double": _double_of,
    "object": lambda value: value,
    "psobject": lambda value: value,
    "pscustomobject": _object_of,
    "ordered": _ordered,
    "hashtable": _hashtable,
    "guid": _guid,
    "datetime": _datetime,
    "timespan": _timespan,
    "version": _version,
    "char": _char,
}


def is_type(value: Any, kind: TypeName) -> bool:
    """$value -is [kind]."""
    value, name = plain(value), kind.name
    if value is None:
        return False
    if name in INTEGERS:
        if isinstance(value, int) and not isinstance(value, bool):
            raise NotModelledError(f"whether an integer is [{name}]: the model does not tell their widths")
        return False
    tests: dict[str, tuple[type, ...]] = {
        "string": (str,), "bool": (bool,), "double": (float,), "hashtable": (Hashtable,), "datetime": (datetime,),
        "timespan": (timedelta,), "guid": (uuid.UUID,), "version": (Version,), "scriptblock": (ScriptBlock,),
    }  # fmt: skip
    if name in tests:
        return isinstance(value, tests[name])
    if name in ("array", "object[]"):
        return isinstance(value, list) and not isinstance(value, GenericList)
    if name in ("pscustomobject", "psobject"):
        return isinstance(value, PsObject)
    raise NotModelledError(f"-is [{name}]")
