"""Casts: values into the types that scripts name, and whether they are of one."""

import math
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from drover_lab.hyperv.powershell.convert import INTEGERS, impossible, number, parsed, text, truth
from drover_lab.hyperv.powershell.values import (
    NOTHING,
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

_FULL = {"int": "Int32", "long": "Int64", "bool": "Boolean", "switch": "SwitchParameter"}


def _integer(value: Any, name: str) -> int:
    full = f"System.{_FULL.get(name, {'uint': 'UInt', 'int16': 'Int16'}.get(name, name.replace('int', 'Int')))}"
    full = full.replace("uInt", "UInt")
    found = number(value) if not isinstance(value, str) else parsed(value)
    if found is None:
        raise impossible(value, full, "Input string was not in a correct format.")
    if isinstance(found, float):
        if math.isinf(found) or math.isnan(found):
            raise impossible(value, full, "Value was either too large or too small.")
        found = int(Decimal(found).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    low, high = INTEGERS[name]
    if not low <= found <= high:
        raise impossible(value, full, f"Value was either too large or too small for an {full.removeprefix('System.')}.")
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
        raise impossible(value, "System.Guid", "Guid should contain 32 digits with 4 dashes.") from None


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
        raise impossible(value, "System.Version", "Version string portion was too short or too long.") from None


def _char(value: Any) -> str:
    found = chr(value) if isinstance(value, int) else text(value)
    if len(found) != 1:
        raise impossible(value, "System.Char", "String must be exactly one character long.")
    return found


def _hashtable(value: Any) -> Any:
    if value is None or isinstance(value, Hashtable):
        return value
    raise impossible(value, "System.Collections.Hashtable", "It is another type.")


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
