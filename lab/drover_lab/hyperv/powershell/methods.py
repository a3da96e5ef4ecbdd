"""The methods of .NET that scripts may call on values."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from drover_lab.hyperv.powershell.convert import number, text, type_of
from drover_lab.hyperv.powershell.faults import ErrorRecord, NetException, ScriptFault, called, fault, no_method
from drover_lab.hyperv.powershell.operators import format_one, same
from drover_lab.hyperv.powershell.values import (
    NOTHING,
    Enum,
    GenericList,
    Hashtable,
    PsObject,
    TypeName,
    Version,
    items,
    plain,
)
from drover_lab.hyperv.soap import NotModelledError

Arguments = list[Any]


def call(value: Any, name: str, arguments: Arguments) -> Any:
    """$value.name(arguments)."""
    value, low = plain(value), name.lower()
    if value is None:
        raise fault("You cannot call a method on a null-valued expression.", "InvokeMethodOnNull")
    if isinstance(value, PsObject):
        return _of_object(value, name, arguments)
    if low == "gettype" and not arguments:
        return TypeName(type_of(value))
    if isinstance(value, Encoding):
        return _encoding(value, low, arguments)
    for kind, known in _METHODS.items():
        if isinstance(value, kind) and low in known:
            try:
                return known[low](value, *arguments)
            except TypeError:
                raise NotModelledError(f"{name} of {type_of(value)} with {len(arguments)} arguments") from None
    if low == "tostring" and not arguments:
        return text(value)
    if low == "equals" and len(arguments) == 1 and isinstance(value, str | int):
        return same(value, arguments[0], case=True)
    raise NotModelledError(f"the method {name} of {type_of(value)}")


def _of_object(value: PsObject, name: str, arguments: Arguments) -> Any:
    low = name.lower()
    if low in value.methods:
        return value.methods[low](*arguments)
    if low == "tostring" and not arguments:
        return text(value)
    if value.made:
        raise no_method(type_of(value), name)
    raise NotModelledError(f"the method {name} of {type_of(value)}")


class Encoding:
    """[Text.Encoding]::UTF8 and its like. :ivar codec: Python's name."""

    def __init__(self, codec: str) -> None:
        self.codec = codec


def _encoding(value: Encoding, low: str, arguments: Arguments) -> Any:
    if low == "getbytes" and len(arguments) == 1:
        return text(arguments[0]).encode(value.codec, "replace")
    if low == "getstring" and len(arguments) == 1:
        return bytes(arguments[0]).decode(value.codec, "replace")
    raise NotModelledError(f"the method {low} of an encoding")


def _substring(value: str, start: int, length: int | None = None) -> str:
    end = len(value) if length is None else start + length
    if not 0 <= start <= end <= len(value):
        raise called("Substring", 1 if length is None else 2, NetException(
            "System.ArgumentOutOfRangeException",
            "Index and length must refer to a location within the string.\r\nParameter name: length"))  # fmt: skip
    return value[start:end]


def _split(value: str, separator: Any = None) -> list[str]:
    written = text(separator)
    if len(written) != 1:
        raise NotModelledError("Split by more than one character")
    return value.split(written)


def _strip(value: str, how: Callable[[str, str | None], str], of: Any) -> str:
    return how(value, None if of is None else "".join(text(item) for item in items(of)))


def _ends(value: str, what: Any, how: Any, test: Callable[[str, str], bool]) -> bool:
    kind = "" if how is None else text(how).lower()
    if kind in ("ordinalignorecase", "invariantcultureignorecase", "currentcultureignorecase"):
        return test(value.lower(), text(what).lower())
    if kind not in ("", "ordinal", "invariantculture", "currentculture"):
        raise NotModelledError(f"the comparison {kind}")
    return test(value, text(what))


def _date_text(value: datetime, form: Any = None, culture: Any = None) -> str:
    if culture is not None:
        raise NotModelledError("a date of a culture")
    if form is None:
        raise NotModelledError("a date as a string of the host's culture")
    return format_one(value, text(form))


def _not_fixed(*_: Any) -> Any:
    raise called("Add", 1, NetException("System.NotSupportedException", "Collection was of a fixed size."))


def _grown(value: list[Any], item: Any) -> Any:
    value.append(plain(item))
    return NOTHING


def _extended(value: list[Any], more: Any) -> Any:
    value.extend(items(more))
    return NOTHING


def _put(value: Hashtable, key: Any, item: Any) -> Any:
    if key in value:
        raise called("Add", 2, NetException(
            "System.ArgumentException",
            f"Item has already been added. Key in dictionary: '{key}'  Key being added: '{key}'"))  # fmt: skip
    value[key] = plain(item)
    return NOTHING


def _taken(value: Hashtable, key: Any) -> Any:
    if key in value:
        del value[key]
    return NOTHING


def _pairs(value: Hashtable) -> list[Any]:
    from drover_lab.hyperv.powershell.values import custom

    return [custom({"Name": key, "Key": key, "Value": item}) for key, item in value.items()]


_METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    str: {
        "tolower": str.lower, "tolowerinvariant": str.lower, "toupper": str.upper, "toupperinvariant": str.upper,
        "trim": lambda value, of=None: _strip(value, str.strip, of),
        "trimstart": lambda value, of=None: _strip(value, str.lstrip, of),
        "trimend": lambda value, of=None: _strip(value, str.rstrip, of),
        "startswith": lambda value, what, how=None: _ends(value, what, how, str.startswith),
        "endswith": lambda value, what, how=None: _ends(value, what, how, str.endswith),
        "contains": lambda value, what: text(what) in value,
        "replace": lambda value, old, new: value.replace(text(old), text(new)),
        "split": _split, "substring": _substring,
        "indexof": lambda value, what: value.find(text(what)),
        "lastindexof": lambda value, what: value.rfind(text(what)),
        "padleft": lambda value, width, by=" ": value.rjust(width, by),
        "padright": lambda value, width, by=" ": value.ljust(width, by),
        "insert": lambda value, at, what: value[:at] + what + value[at:],
        "tochararray": list,
    },
    bool: {},
    int: {"tostring": lambda value, form=None: format_one(value, text(form))},
    float: {"tostring": lambda value, form=None: format_one(value, text(form))},
    datetime: {
        "tostring": _date_text,
        "touniversaltime": lambda value: value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC),
        "addseconds": lambda value, count: value + timedelta(seconds=number(count)),
        "addminutes": lambda value, count: value + timedelta(minutes=number(count)),
        "addhours": lambda value, count: value + timedelta(hours=number(count)),
        "adddays": lambda value, count: value + timedelta(days=number(count)),
    },
    GenericList: {"add": _grown, "addrange": _extended, "toarray": list,
                  "contains": lambda value, what: any(same(item, what, case=True) for item in value)},
    list: {"add": _not_fixed, "contains": lambda value, what: any(same(item, what, case=True) for item in value)},
    Hashtable: {"containskey": lambda value, key: key in value, "contains": lambda value, key: key in value,
                "add": _put, "remove": _taken, "getenumerator": _pairs},
    uuid.UUID: {"tostring": lambda value, form="D": str(value) if text(form).upper() == "D" else value.hex
                if text(form).upper() == "N" else _no_form(form)},
    Enum: {"tostring": lambda value: value.name},
    Version: {"tostring": lambda value: str(value)},
    ErrorRecord: {}, NetException: {"getbaseexception": lambda error: _innermost(error)},
}  # fmt: skip


def _no_form(form: Any) -> str:
    raise NotModelledError(f"the format {form!r} of a GUID")


def _innermost(error: NetException) -> NetException:
    while error.inner is not None:
        error = error.inner
    return error


def as_fault(value: Any) -> ScriptFault:
    """What `throw $value` raises."""
    value = plain(value)
    if isinstance(value, ErrorRecord):
        return ScriptFault(value)
    if isinstance(value, NetException):
        return ScriptFault(ErrorRecord(value, "OperationStopped", value.message))
    said = "ScriptHalted" if value is None else text(value)
    return fault(said, said, "OperationStopped")
